/** Reads names of guest code: from the symbol table of an ELF file, or from text as /proc/kallsyms and nm print it. */
import {readFile} from 'node:fs/promises';
import {type CodeSymbol, isElf, readCodeSymbols} from '../../../engine/boot/elf.js';
import type {SymbolPlace, SymbolTable} from '../../client/symbols.js';
import {ManagerError} from '../../protocol/errors.js';
import {translateHostError} from './host-errors.js';

/** Farther behind a name of unknown size an address is no longer its own: code loaded elsewhere. */
const MAX_UNSIZED_BYTES = 1n << 16n;

/** Errors: file-not-found; bad-firmware for a damaged or foreign ELF file; bad-request for a file without names */
export async function readSymbolFile(path: string): Promise<SymbolTable> {
  let file: Uint8Array;
  try {
    file = await readFile(path);
  } catch (thrown) {
    const detail = thrown instanceof Error ? thrown.message : String(thrown);
    throw new ManagerError('file-not-found', `${path} cannot be read: ${detail}.`, 'Check the path.', {cause: thrown});
  }
  const symbols = isElf(file) ? readElf(file) : readListing(file);
  if (symbols.length > 0) return new SortedSymbols(symbols);
  throw new ManagerError(
    'bad-request',
    `${path} has no symbols.`,
    'Give an ELF file that was not stripped, or what /proc/kallsyms prints for root.',
  );
}

function readElf(file: Uint8Array): CodeSymbol[] {
  try {
    return readCodeSymbols(file);
  } catch (thrown) {
    throw translateHostError(thrown, 'bad-firmware');
  }
}

/** Lines of `ADDRESS TYPE NAME`, with more behind it in kallsyms; T and W are code. A hidden address is 0. */
function readListing(file: Uint8Array): CodeSymbol[] {
  const lines = Buffer.from(file.buffer, file.byteOffset, file.byteLength).toString('latin1');
  return [...lines.matchAll(/^([0-9a-f]{8,16}) [tTwW] ([^\s$]\S*)/gm)]
    .map(([, address, name]) => ({name: name!, address: BigInt(`0x${address}`), sizeBytes: 0n}))
    .filter(({address}) => address !== 0n);
}

class SortedSymbols implements SymbolTable {
  readonly #symbols: readonly CodeSymbol[];

  constructor(symbols: readonly CodeSymbol[]) {
    // Of several at one address the one with a size comes last and is found.
    const order = (a: CodeSymbol, b: CodeSymbol) => compare(a.address, b.address) || compare(a.sizeBytes, b.sizeBytes);
    this.#symbols = symbols.toSorted(order);
  }

  get count(): number {
    return this.#symbols.length;
  }

  find(address: bigint): SymbolPlace | undefined {
    let low = 0;
    let high = this.#symbols.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#symbols[middle]!.address <= address) low = middle + 1;
      else high = middle;
    }
    const symbol = this.#symbols[low - 1];
    if (symbol === undefined) return undefined;
    const offset = address - symbol.address;
    return offset < (symbol.sizeBytes || MAX_UNSIZED_BYTES) ? {name: symbol.name, offset} : undefined;
  }
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
