/**
 * Bounded reader of ELF64 little-endian files. Trusts no field: every offset is checked against the file before it is
 * followed, counts are at most 65535 (16-bit fields), and contents are views of the input, so that a hostile file of n
 * bytes costs O(n) time and no memory.
 */
import {EngineError} from '../error.js';

const EM_RISCV = 243;
const ELFCLASS64 = 2;
const ELFDATA2LSB = 1;
const ET_EXEC = 2;
const ET_DYN = 3;
const PT_LOAD = 1;
const SHT_SYMTAB = 2;
const EHDR_BYTES = 64;
const PHDR_BYTES = 56;
const SHDR_BYTES = 64;
const SYM_BYTES = 24;
const STT_NOTYPE = 0;
const STT_FUNC = 2;
const MAX_NAME_BYTES = 1024;

const MACHINE_NAMES: Readonly<Record<number, string>> = {
  2: 'sparc',
  3: 'i386',
  8: 'mips',
  20: 'powerpc',
  21: 'powerpc64',
  22: 's390x',
  40: 'arm',
  43: 'sparc64',
  62: 'x86-64',
  183: 'aarch64',
  258: 'loongarch',
};

/**
 * One loadable segment.
 * Units: addresses are guest-physical bytes; `memoryBytes` ≥ `bytes.length`, the rest is zero (bss)
 */
export interface ElfSegment {
  readonly physicalAddress: number;
  readonly bytes: Uint8Array;
  readonly memoryBytes: number;
}

/**
 * A parsed RISC-V ELF64 program.
 * Units: `entry` and symbol values are physical: virtual ones are translated by the segment they lie in
 */
export interface ElfImage {
  readonly entry: number;
  readonly segments: readonly ElfSegment[];
  /** Address of a symbol of the symbol table, or undefined when the file has none of that name. */
  symbol(name: string): number | undefined;
}

/** A name of code. Units: `address` is virtual, `sizeBytes` is 0 where the file does not say */
export interface CodeSymbol {
  readonly name: string;
  readonly address: bigint;
  readonly sizeBytes: bigint;
}

interface Translation {
  readonly virtualAddress: bigint;
  readonly physicalAddress: bigint;
  readonly memoryBytes: bigint;
}

/** True when the bytes begin like an ELF file of any class or machine. */
export function isElf(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/**
 * Refuses what is no linked RV64 program by its first bytes alone (64 are enough).
 * Errors: EngineError 'not-a-kernel' | 'wrong-machine' | 'truncated-image'
 */
export function checkElfHead(head: Uint8Array): void {
  if (!isElf(head)) throw notAKernel('the file is not an ELF program');
  if (head.length < EHDR_BYTES) throw truncated('its header');
  checkHeader(new DataView(head.buffer, head.byteOffset, head.byteLength));
}

/**
 * Parses an RV64 program.
 * Errors: EngineError 'not-a-kernel' | 'wrong-machine' | 'truncated-image'; nothing else, whatever the bytes are
 * Source: System V ABI gABI 4.1 chapter 4–5; RISC-V ELF psABI 1.0
 */
export function parseElf(file: Uint8Array): ElfImage {
  checkElfHead(file);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const {segments, translations} = readSegments(file, view);
  return {
    entry: toPhysical(view.getBigUint64(24, true), translations),
    segments,
    symbol(name) {
      const value = findSymbol(file, view, name);
      return value === undefined ? undefined : toPhysical(value, translations);
    },
  };
}

/**
 * Names of code, in the order of the file; empty when it was stripped.
 * Errors: as `parseElf`
 */
export function readCodeSymbols(file: Uint8Array): CodeSymbol[] {
  checkElfHead(file);
  const table = symbolTable(file, new DataView(file.buffer, file.byteOffset, file.byteLength));
  if (table === undefined) return [];
  const {symbols, strings} = table;
  const view = new DataView(symbols.buffer, symbols.byteOffset, symbols.byteLength);
  const found: CodeSymbol[] = [];
  for (let at = 0; at + SYM_BYTES <= symbols.length; at += SYM_BYTES) {
    const type = view.getUint8(at + 4) & 15;
    const isDefined = view.getUint16(at + 6, true) !== 0;
    if (!isDefined || (type !== STT_FUNC && type !== STT_NOTYPE)) continue;
    const name = stringAt(strings, view.getUint32(at, true));
    // `$x` and the like say what kind of bytes follow (psABI), `.L` names are the compiler's own.
    if (name !== '' && !/^(\$|\.L)/.test(name))
      found.push({name, address: view.getBigUint64(at + 8, true), sizeBytes: view.getBigUint64(at + 16, true)});
  }
  return found;
}

function stringAt(strings: Uint8Array, offset: number): string {
  // A bound, so that many symbols with one endless name cost no more than the file.
  const end = strings.subarray(offset, offset + MAX_NAME_BYTES).indexOf(0);
  return end < 0 ? '' : Buffer.from(strings.buffer, strings.byteOffset + offset, end).toString('latin1');
}

function checkHeader(view: DataView): void {
  const isLittleEndian = view.getUint8(5) !== 2;
  const machine = view.getUint16(18, isLittleEndian);
  if (machine !== EM_RISCV) {
    const name = MACHINE_NAMES[machine] ?? `ELF machine ${machine}`;
    throw new EngineError(
      'wrong-machine',
      `The program is built for ${name}, not for riscv64.`,
      'Use a build for riscv64 (for Debian: the riscv64 architecture).',
    );
  }
  if (view.getUint8(4) !== ELFCLASS64 || view.getUint8(5) !== ELFDATA2LSB) {
    throw new EngineError(
      'wrong-machine',
      `The program is built for ${view.getUint8(4) === 1 ? 'riscv32' : 'big-endian riscv'}, not for riscv64.`,
      'Compile it for rv64 (for gcc: -march=rv64gc -mabi=lp64d).',
    );
  }
  const type = view.getUint16(16, true);
  if (type !== ET_EXEC && type !== ET_DYN) {
    throw notAKernel('the ELF file is not a linked program (an object file or a core dump)');
  }
}

function readSegments(file: Uint8Array, view: DataView) {
  const tableOffset = safe(view.getBigUint64(32, true));
  const entryBytes = view.getUint16(54, true);
  const count = view.getUint16(56, true);
  if (count > 0 && entryBytes < PHDR_BYTES) throw notAKernel('its program headers are too small');
  if (tableOffset === undefined || tableOffset + count * entryBytes > file.length) throw truncated('program headers');
  const segments: ElfSegment[] = [];
  const translations: Translation[] = [];
  for (let i = 0; i < count; i++) {
    const at = tableOffset + i * entryBytes;
    if (view.getUint32(at, true) !== PT_LOAD) continue;
    const memory = view.getBigUint64(at + 40, true);
    if (memory === 0n) continue;
    const offset = safe(view.getBigUint64(at + 8, true));
    const physical = view.getBigUint64(at + 24, true);
    const fileBytes = safe(view.getBigUint64(at + 32, true));
    const memoryBytes = safe(memory);
    const physicalAddress = safe(physical);
    if (memoryBytes === undefined || physicalAddress === undefined) {
      throw notAKernel('a segment lies at an address no machine has');
    }
    if (offset === undefined || fileBytes === undefined || offset + fileBytes > file.length)
      throw truncated('a segment');
    if (fileBytes > memoryBytes) throw notAKernel('a segment is larger in the file than in memory');
    segments.push({physicalAddress, bytes: file.subarray(offset, offset + fileBytes), memoryBytes});
    translations.push({
      virtualAddress: view.getBigUint64(at + 16, true),
      physicalAddress: physical,
      memoryBytes: memory,
    });
  }
  if (segments.length === 0) throw notAKernel('it has no loadable segments');
  return {segments, translations};
}

function findSymbol(file: Uint8Array, view: DataView, name: string): bigint | undefined {
  const table = symbolTable(file, view);
  return table && searchSymbols(table.symbols, table.strings, new TextEncoder().encode(name));
}

/** The bytes of the symbol table and of the strings that it names, or undefined when the file has none. */
function symbolTable(file: Uint8Array, view: DataView) {
  const tableOffset = safe(view.getBigUint64(40, true));
  const entryBytes = view.getUint16(58, true);
  const count = view.getUint16(60, true);
  if (tableOffset === undefined || count === 0 || entryBytes < SHDR_BYTES) return undefined;
  if (tableOffset + count * entryBytes > file.length) throw truncated('section headers');
  for (let i = 0; i < count; i++) {
    const at = tableOffset + i * entryBytes;
    if (view.getUint32(at + 4, true) !== SHT_SYMTAB) continue;
    const stringsIndex = view.getUint32(at + 40, true);
    if (stringsIndex >= count) throw notAKernel('its symbol table names no string table');
    // One symbol table a file (gABI), so that hostile headers cannot make us scan the file once per header.
    return {
      symbols: sectionBytes(file, view, at),
      strings: sectionBytes(file, view, tableOffset + stringsIndex * entryBytes),
    };
  }
  return undefined;
}

function searchSymbols(symbols: Uint8Array, strings: Uint8Array, wanted: Uint8Array): bigint | undefined {
  const view = new DataView(symbols.buffer, symbols.byteOffset, symbols.byteLength);
  for (let at = 0; at + SYM_BYTES <= symbols.length; at += SYM_BYTES) {
    const nameOffset = view.getUint32(at, true);
    const isDefined = view.getUint16(at + 6, true) !== 0;
    if (isDefined && hasStringAt(strings, nameOffset, wanted)) return view.getBigUint64(at + 8, true);
  }
  return undefined;
}

function hasStringAt(strings: Uint8Array, offset: number, wanted: Uint8Array): boolean {
  if (offset + wanted.length >= strings.length || strings[offset + wanted.length] !== 0) return false;
  for (let i = 0; i < wanted.length; i++) if (strings[offset + i] !== wanted[i]) return false;
  return true;
}

function sectionBytes(file: Uint8Array, view: DataView, headerAt: number): Uint8Array {
  const offset = safe(view.getBigUint64(headerAt + 24, true));
  const size = safe(view.getBigUint64(headerAt + 32, true));
  if (offset === undefined || size === undefined || offset + size > file.length) throw truncated('the symbol table');
  return file.subarray(offset, offset + size);
}

/** Programs linked to high virtual addresses (Linux) enter and name symbols by those; RAM has the physical ones. */
function toPhysical(address: bigint, translations: readonly Translation[]): number {
  for (const t of translations) {
    if (address >= t.virtualAddress && address - t.virtualAddress < t.memoryBytes) {
      return Number(address - t.virtualAddress + t.physicalAddress);
    }
  }
  return Number(address);
}

/** A 64-bit field as a number when that is exact and sums of two of them stay exact, else undefined. */
function safe(value: bigint): number | undefined {
  return value < 1n << 52n ? Number(value) : undefined;
}

function notAKernel(reason: string): EngineError {
  return new EngineError(
    'not-a-kernel',
    `Not a program that can be started: ${reason}.`,
    'Check the path of the file.',
  );
}

function truncated(what: string): EngineError {
  return new EngineError(
    'truncated-image',
    `The ELF file ends before ${what} that its headers promise.`,
    'Copy or download it again: the file is incomplete.',
  );
}
