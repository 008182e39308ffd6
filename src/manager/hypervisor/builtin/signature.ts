/**
 * The signature of a conformance test: the memory between two symbols, in the form Spike writes.
 * Shape: one line for each `granularity` bytes from `begin_signature` on, as hex digits, the byte with the highest
 *        address first; bytes behind `end_signature` that fill the last line are 00
 * Source: behaviour of Spike's `+signature=` and `+signature-granularity=` (16 unless told)
 */
import type {Machine} from '../../../engine/machine.js';
import {ManagerError} from '../../protocol/errors.js';

/** Bytes on one line. */
export type SignatureGranularity = 4 | 8 | 16;

/** Errors: bad-firmware when the program has no signature or it is not in memory */
export function formatSignature(machine: Machine, granularity: SignatureGranularity): string {
  const begin = machine.symbol('begin_signature');
  const end = machine.symbol('end_signature');
  if (begin === undefined || end === undefined)
    throw new ManagerError(
      'bad-firmware',
      'The program has no symbols begin_signature and end_signature.',
      'Link it with its symbol table, or leave `--signature` out.',
    );
  const bytes = end < begin ? undefined : machine.memory.bytes(begin, end - begin);
  if (bytes === undefined)
    throw new ManagerError('bad-firmware', 'The signature does not lie in memory.', 'Give the machine more memory.');
  let text = '';
  for (let line = 0; line < bytes.length; line += granularity) {
    for (let index = line + granularity - 1; index >= line; index--)
      text += (bytes[index] ?? 0).toString(16).padStart(2, '0');
    text += '\n';
  }
  return text;
}
