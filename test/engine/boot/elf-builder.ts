/** A segment of a program under test; `virtualAddress` defaults to the physical one, `memoryBytes` to the length. */
export interface SegmentSpec {
  readonly physicalAddress: bigint;
  readonly virtualAddress?: bigint;
  readonly bytes: Uint8Array;
  readonly memoryBytes?: bigint;
}

/** A program under test. */
export interface ElfSpec {
  readonly machine?: number;
  readonly entry: bigint;
  readonly segments: readonly SegmentSpec[];
  readonly symbols?: Readonly<Record<string, bigint>>;
}

/** Writes an ELF64 file: header, program headers, contents, then symbol and string table with their sections. */
export function buildElf(spec: ElfSpec): Uint8Array<ArrayBuffer> {
  const {machine = 243, entry, segments, symbols = {}} = spec;
  const contentsAt = 64 + segments.length * 56;
  const contentBytes = segments.reduce((sum, segment) => sum + segment.bytes.length, 0);
  const names = Object.keys(symbols);
  const strings = new TextEncoder().encode(`\0${names.map((name) => `${name}\0`).join('')}`);
  const symbolsAt = contentsAt + contentBytes;
  const symbolBytes = (names.length + 1) * 24;
  const stringsAt = symbolsAt + symbolBytes;
  const sectionsAt = stringsAt + strings.length;
  const file = new Uint8Array(sectionsAt + 3 * 64);
  const view = new DataView(file.buffer);

  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, machine, true);
  view.setBigUint64(24, entry, true);
  view.setBigUint64(32, 64n, true);
  view.setBigUint64(40, BigInt(sectionsAt), true);
  view.setUint16(54, 56, true);
  view.setUint16(56, segments.length, true);
  view.setUint16(58, 64, true);
  view.setUint16(60, 3, true);

  let offset = contentsAt;
  segments.forEach((segment, i) => {
    const at = 64 + i * 56;
    view.setUint32(at, 1, true);
    view.setBigUint64(at + 8, BigInt(offset), true);
    view.setBigUint64(at + 16, segment.virtualAddress ?? segment.physicalAddress, true);
    view.setBigUint64(at + 24, segment.physicalAddress, true);
    view.setBigUint64(at + 32, BigInt(segment.bytes.length), true);
    view.setBigUint64(at + 40, segment.memoryBytes ?? BigInt(segment.bytes.length), true);
    file.set(segment.bytes, offset);
    offset += segment.bytes.length;
  });

  let nameOffset = 1;
  names.forEach((name, i) => {
    const at = symbolsAt + (i + 1) * 24;
    view.setUint32(at, nameOffset, true);
    view.setUint16(at + 6, 1, true);
    view.setBigUint64(at + 8, symbols[name]!, true);
    nameOffset += name.length + 1;
  });
  file.set(strings, stringsAt);
  const section = (index: number, type: number, at: number, size: number, link: number) => {
    view.setUint32(sectionsAt + index * 64 + 4, type, true);
    view.setBigUint64(sectionsAt + index * 64 + 24, BigInt(at), true);
    view.setBigUint64(sectionsAt + index * 64 + 32, BigInt(size), true);
    view.setUint32(sectionsAt + index * 64 + 40, link, true);
  };
  section(1, 2, symbolsAt, symbolBytes, 2);
  section(2, 3, stringsAt, strings.length, 0);
  return file;
}

/** A small well-formed program with the symbols a conformance test has. */
export function sampleElf(): Uint8Array<ArrayBuffer> {
  return buildElf({
    entry: 0x8000_0000n,
    segments: [
      {physicalAddress: 0x8000_0000n, bytes: new Uint8Array(64).fill(0x13)},
      {physicalAddress: 0x8000_1000n, bytes: new Uint8Array(32).fill(0x77), memoryBytes: 0x100n},
    ],
    symbols: {tohost: 0x8000_1000n, fromhost: 0x8000_1040n, begin_signature: 0x8000_1080n},
  });
}
