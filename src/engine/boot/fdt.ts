/**
 * Writes flattened device trees. A blob is
 * header (40 bytes) · memory reservations (pairs of u64, ended by zeros) · structure (tokens) · strings (property names)
 * with every number big-endian.
 */
import type {FdtNode, FdtValue} from '../contract.js';

const FDT_MAGIC = 0xd00dfeed;
const FDT_VERSION = 17;
const FDT_LAST_COMPATIBLE_VERSION = 16;
const FDT_BEGIN_NODE = 1;
const FDT_END_NODE = 2;
const FDT_PROP = 3;
const FDT_END = 9;
const HEADER_BYTES = 40;
const RESERVATION_BYTES = 16;

/** Memory the kernel must leave alone. Units: guest-physical bytes. */
export interface MemoryReservation {
  readonly address: number;
  readonly sizeBytes: number;
}

/**
 * Serialises the tree under `root` (whose name is '').
 * Source: Devicetree Specification 0.4 chapter 5
 */
export function writeFdt(root: FdtNode, reservations: readonly MemoryReservation[] = []): Uint8Array<ArrayBuffer> {
  const structure = new GrowingBytes();
  const names = new NameTable();
  writeNode(root, structure, names);
  structure.u32(FDT_END);

  const reservationsAt = HEADER_BYTES; // a multiple of 8, as the map's alignment demands
  const structureAt = reservationsAt + (reservations.length + 1) * RESERVATION_BYTES;
  const stringsAt = structureAt + structure.length;
  const totalBytes = (stringsAt + names.bytes.length + 7) & ~7;
  const blob = new Uint8Array(totalBytes);
  const view = new DataView(blob.buffer);
  const header = [
    FDT_MAGIC,
    totalBytes,
    structureAt,
    stringsAt,
    reservationsAt,
    FDT_VERSION,
    FDT_LAST_COMPATIBLE_VERSION,
    0, // boot hart
    names.bytes.length,
    structure.length,
  ];
  header.forEach((value, i) => {
    view.setUint32(i * 4, value);
  });
  reservations.forEach(({address, sizeBytes}, i) => {
    view.setBigUint64(reservationsAt + i * RESERVATION_BYTES, BigInt(address));
    view.setBigUint64(reservationsAt + i * RESERVATION_BYTES + 8, BigInt(sizeBytes));
  });
  blob.set(structure.taken(), structureAt);
  blob.set(names.bytes.taken(), stringsAt);
  return blob;
}

function writeNode(node: FdtNode, out: GrowingBytes, names: NameTable): void {
  out.u32(FDT_BEGIN_NODE);
  out.cString(node.name);
  out.align();
  for (const [name, value] of Object.entries(node.properties)) {
    const bytes = encodeValue(value);
    out.u32(FDT_PROP);
    out.u32(bytes.length);
    out.u32(names.offsetOf(name));
    out.append(bytes);
    out.align();
  }
  for (const child of node.children ?? []) writeNode(child, out, names);
  out.u32(FDT_END_NODE);
}

function encodeValue(value: FdtValue): Uint8Array {
  if ('bytes' in value) return value.bytes;
  if ('flag' in value) return new Uint8Array(0);
  const out = new GrowingBytes();
  if ('cells' in value) for (const cell of value.cells) out.u32(cell);
  else for (const text of value.strings) out.cString(text);
  return out.taken();
}

/** Property names, each stored once. */
class NameTable {
  readonly bytes = new GrowingBytes();
  readonly #offsets = new Map<string, number>();

  offsetOf(name: string): number {
    const known = this.#offsets.get(name);
    if (known !== undefined) return known;
    const offset = this.bytes.length;
    this.bytes.cString(name);
    this.#offsets.set(name, offset);
    return offset;
  }
}

class GrowingBytes {
  length = 0;
  #bytes = new Uint8Array(256);

  append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  u32(value: number): void {
    if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) throw new RangeError(`${value} is no FDT cell`);
    this.append(Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value));
  }

  /** The text in UTF-8 with its terminating zero. */
  cString(text: string): void {
    this.append(new TextEncoder().encode(text));
    this.append(Uint8Array.of(0));
  }

  /** Pads with zeros to the next 4-byte boundary. */
  align(): void {
    this.append(new Uint8Array(-this.length & 3));
  }

  taken(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  #reserve(count: number): void {
    if (this.length + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.length + count));
    grown.set(this.taken());
    this.#bytes = grown;
  }
}
