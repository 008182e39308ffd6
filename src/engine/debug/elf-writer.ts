/**
 * Writes RV64 executables: what the engine's loader and qemu-riscv64 both run, without a linker.
 * Source: System V ABI gABI 4.1 chapters 4–5; RISC-V ELF psABI 1.0
 */

/** One loadable segment, readable, writable and executable. */
export interface Segment {
  readonly address: number;
  readonly bytes: Uint8Array;
  /** Size in memory; what exceeds the bytes is zero. */
  readonly memoryBytes?: number;
}

/** What goes into the file. */
export interface ElfContents {
  readonly entry: number;
  readonly segments: readonly Segment[];
  readonly symbols?: Readonly<Record<string, number>>;
}

const EHDR = 64;
const PHDR = 56;
const SHDR = 64;
const SYM = 24;
const PAGE = 4096;

const padded = (size: number, unit: number) => Math.ceil(size / unit) * unit;

/** The bytes of a static executable. */
export function writeElf({entry, segments, symbols = {}}: ElfContents): Uint8Array {
  let end = padded(EHDR + PHDR * segments.length, PAGE);
  const placed = segments.map((segment) => {
    const offset = end + (segment.address % PAGE);
    end = padded(offset + segment.bytes.length, PAGE);
    return {...segment, offset};
  });
  const names = Object.keys(symbols);
  const strings = new TextEncoder().encode(`\0${names.map((name) => `${name}\0`).join('')}`);
  const sectionNames = new TextEncoder().encode('\0.symtab\0.strtab\0.shstrtab\0');
  const symbolsAt = end;
  const stringsAt = symbolsAt + SYM * (names.length + 1);
  const sectionNamesAt = stringsAt + strings.length;
  const sectionsAt = padded(sectionNamesAt + sectionNames.length, 8);
  const file = new Uint8Array(sectionsAt + SHDR * 4);
  const view = new DataView(file.buffer);
  const u64 = (at: number, value: number) => view.setBigUint64(at, BigInt(value), true);

  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true); // ET_EXEC
  view.setUint16(18, 243, true); // EM_RISCV
  view.setUint32(20, 1, true);
  u64(24, entry);
  u64(32, EHDR);
  u64(40, sectionsAt);
  view.setUint32(48, 5, true); // EF_RISCV_RVC | EF_RISCV_FLOAT_ABI_DOUBLE
  [EHDR, PHDR, segments.length, SHDR, 4, 3].forEach((value, i) => {
    view.setUint16(52 + i * 2, value, true);
  });
  placed.forEach(({address, bytes, memoryBytes = bytes.length, offset}, i) => {
    const at = EHDR + i * PHDR;
    view.setUint32(at, 1, true); // PT_LOAD
    view.setUint32(at + 4, 7, true); // rwx
    for (const [field, value] of [offset, address, address, bytes.length, memoryBytes, PAGE].entries())
      u64(at + 8 + field * 8, value);
    file.set(bytes, offset);
  });
  let nameAt = 1;
  names.forEach((name, i) => {
    const at = symbolsAt + SYM * (i + 1);
    view.setUint32(at, nameAt, true);
    file[at + 4] = 0x10; // STB_GLOBAL, STT_NOTYPE
    view.setUint16(at + 6, 0xfff1, true); // SHN_ABS
    u64(at + 8, symbols[name]!);
    nameAt += name.length + 1;
  });
  file.set(strings, stringsAt);
  file.set(sectionNames, sectionNamesAt);
  const section = (i: number, name: number, type: number, offset: number, size: number, link = 0, entrySize = 0) => {
    const at = sectionsAt + i * SHDR;
    view.setUint32(at, name, true);
    view.setUint32(at + 4, type, true);
    u64(at + 24, offset);
    u64(at + 32, size);
    view.setUint32(at + 40, link, true);
    view.setUint32(at + 44, link === 0 ? 0 : 1, true);
    u64(at + 48, 1);
    u64(at + 56, entrySize);
  };
  section(1, 1, 2, symbolsAt, SYM * (names.length + 1), 2, SYM);
  section(2, 9, 3, stringsAt, strings.length);
  section(3, 17, 3, sectionNamesAt, sectionNames.length);
  return file;
}
