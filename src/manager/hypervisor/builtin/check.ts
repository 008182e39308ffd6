/** What can be said against a machine before it is ever started. */
import {open} from 'node:fs/promises';
import {checkElfHead} from '../../../engine/boot/elf.js';
import {checkKernelHead, KERNEL_HEAD_BYTES} from '../../../engine/boot/kernel-image.js';
import {MAX_RAM_BYTES} from '../../../engine/memory/layout.js';
import {ManagerError} from '../../protocol/errors.js';
import type {Boot} from '../../protocol/machine.js';
import {translateHostError} from './host-errors.js';

/** See `HypervisorDriver.check`. Errors: bad-memory-size, bad-kernel, bad-firmware, file-not-found */
export async function checkMachine(memoryBytes: number, boot: Boot): Promise<void> {
  const mostMebibytes = MAX_RAM_BYTES / 1_048_576;
  if (memoryBytes > MAX_RAM_BYTES)
    throw new ManagerError(
      'bad-memory-size',
      `A machine can have ${mostMebibytes} MiB of memory at most, not ${Math.ceil(memoryBytes / 1_048_576)} MiB.`,
      `Give it less, for example --memory 1G.`,
    );
  if (boot.kind === 'linux') await checkHead(boot.kernelPath, 'bad-kernel', checkKernelHead);
  if (boot.kind === 'firmware') await checkHead(boot.elfPath, 'bad-firmware', checkElfHead);
  if (boot.kind === 'disk') await checkHead(boot.loaderPath, 'bad-firmware', checkElfHead);
}

async function checkHead(path: string, code: 'bad-kernel' | 'bad-firmware', check: (head: Uint8Array) => void) {
  const head = await readHead(path);
  try {
    check(head);
  } catch (thrown) {
    throw translateHostError(thrown, code);
  }
}

async function readHead(path: string): Promise<Uint8Array> {
  try {
    await using file = await open(path);
    const {buffer, bytesRead} = await file.read(new Uint8Array(KERNEL_HEAD_BYTES), 0, KERNEL_HEAD_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } catch (thrown) {
    const detail = thrown instanceof Error ? thrown.message : String(thrown);
    throw new ManagerError('file-not-found', `${path} cannot be read: ${detail}.`, 'Check the path.', {cause: thrown});
  }
}
