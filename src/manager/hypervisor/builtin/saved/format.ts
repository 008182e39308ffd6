/**
 * The file of a saved machine, little-endian:
 *
 *   "VIVSAVE\n" │ version u32 │ 0 u32 │ chunks of RAM │ head, zstd JSON │ table of chunks │ footer
 *
 * Table: 40 bytes a piece: chunk index u32, stored bytes u32, offset u64, CRC-32 of those u32, source u32, pages u64,
 * used u64. The content is the chunk's pages whose bits are set in `pages`, one behind the other; it is stored as it is when
 * the stored bytes are as many as the content's, else as one zstd frame, which is shorter. Those in `used` count: no two
 * pieces use the same page, and pages that none uses are zero. Source 0 is this file, n the n-th of the files that the head
 * names, which lie beside this one: what has not changed since an older file was written is not stored again.
 *
 * Footer (48 bytes): offset, stored bytes and CRC-32 of the head, offset, count and CRC-32 of the table, CRC-32 of the
 * footer so far, "VIVSAVE\n". It is written last, so that a file that is not whole has none.
 */
import {crc32} from 'node:zlib';
import * as z from 'zod';
import type {MachineState} from '../../../../engine/machine-state.js';
import {ManagerError} from '../../../protocol/errors.js';

/** Grows when an older reader would misread a file; every file says it from the first byte on. */
export const SAVE_VERSION = 3;
/** RAM is stored in pieces of this many bytes. */
export const CHUNK_BYTES = 1 << 18;
/** Most bytes of the head, stored and as JSON. */
export const HEAD_BYTES_MAX = 8 << 20;
/** Bytes before the first chunk. */
export const PREAMBLE_BYTES = 16;
/** Most pieces of one chunk: what is read to restore it. */
export const CHUNK_PIECES_MAX = 4;
/** Most other files that one stands on. */
export const SOURCES_MAX = 1000;
/** Bytes of one row of the table, and of the footer. */
export const ROW_BYTES = 40;
export const FOOTER_BYTES = 48;

const MAGIC = Buffer.from('VIVSAVE\n', 'latin1');

const hex = z.string().regex(/^[0-9a-f]{1,16}$/);
const deadline = z.number().nullable();

/** A machine's state as the engine gives it (`MachineState`), and that of its paravirtual devices. */
export const saveHeadSchema = z.object({
  /** The version of Vivarium that wrote it, for people. */
  writer: z.string().max(64),
  savedAtMs: z.number(),
  machine: z.object({
    memoryBytes: z.number().int().positive(),
    hasSbi: z.boolean(),
    tohost: z.number(),
    clockNs: z.number().min(0),
    harts: z
      .array(
        z.object({
          pc: hex,
          x: z.array(hex).length(32),
          f: z.array(hex).length(32),
          fcsr: z.number().int(),
          privilege: z.number().int(),
          csrs: z.record(z.string().max(32), hex),
          pending: z.number().int(),
          supervisorDeadline: deadline,
          machineDeadline: deadline,
          hsmState: z.number().int(),
          startAddress: hex,
          startOpaque: hex,
          instructions: z.number().min(0),
          reservation: z.object({offset: z.number().int(), value: hex}).nullable(),
        }),
      )
      .min(1)
      .max(64),
    devices: z
      .array(z.object({kind: z.string().max(64), address: z.number(), registers: z.string().max(1 << 20)}))
      .max(64),
  }),
  /** The files that pieces lie in besides this one, by what they are called less `.state`. */
  sources: z.array(z.uuid()).max(SOURCES_MAX),
  /** In the order of the machine's virtio slots; null: nothing beside the registers. */
  devices: z
    .array(
      z
        .string()
        .max(1 << 20)
        .nullable(),
    )
    .max(32),
  /** Their names; missing in states that were written before all of them were there. */
  kinds: z.array(z.string().max(64)).max(32).optional(),
});
/** See `saveHeadSchema`. */
export interface SaveHead {
  readonly writer: string;
  readonly savedAtMs: number;
  readonly machine: MachineState;
  readonly sources: readonly string[];
  readonly devices: readonly (string | null)[];
  readonly kinds?: readonly string[] | undefined;
}

/** A set of the pages of one chunk: page i is bit i of `low`, page 32 + i bit i of `high`. Both are u32. */
export interface ChunkPages {
  readonly low: number;
  readonly high: number;
}

/** Where pages of a chunk of RAM are stored. */
export interface ChunkPiece {
  readonly index: number;
  readonly storedBytes: number;
  readonly offset: number;
  readonly checksum: number;
  readonly pages: ChunkPages;
  readonly used: ChunkPages;
}

/** A row of the table. */
export interface ChunkRow extends ChunkPiece {
  readonly source: number;
}

/** Where head and table are. */
export interface Footer {
  readonly head: {readonly offset: number; readonly storedBytes: number; readonly checksum: number};
  readonly table: {readonly offset: number; readonly count: number; readonly checksum: number};
}

/** What every file begins with. */
export function encodePreamble(): Buffer {
  const bytes = Buffer.alloc(PREAMBLE_BYTES);
  MAGIC.copy(bytes);
  bytes.writeUInt32LE(SAVE_VERSION, 8);
  return bytes;
}

/** Errors: bad-snapshot for what is no such file, or one of another version */
export function checkPreamble(bytes: Buffer, path: string): void {
  if (bytes.length < PREAMBLE_BYTES || !bytes.subarray(0, 8).equals(MAGIC))
    throw badSave(path, 'it is no saved machine');
  const version = bytes.readUInt32LE(8);
  if (version === SAVE_VERSION) return;
  throw new ManagerError(
    'bad-snapshot',
    `${path} has format version ${version}; this Vivarium reads version ${SAVE_VERSION}.`,
    version > SAVE_VERSION ? 'Use the newer Vivarium that wrote it.' : 'Use the Vivarium that wrote it.',
  );
}

/** The table of chunks. */
export function encodeTable(rows: readonly ChunkRow[]): Buffer {
  const bytes = Buffer.alloc(rows.length * ROW_BYTES);
  rows.forEach(({index, storedBytes, offset, checksum, source, pages, used}, i) => {
    const at = i * ROW_BYTES;
    bytes.writeUInt32LE(index, at);
    bytes.writeUInt32LE(storedBytes, at + 4);
    bytes.writeBigUInt64LE(BigInt(offset), at + 8);
    bytes.writeUInt32LE(checksum, at + 16);
    bytes.writeUInt32LE(source, at + 20);
    for (const [half, word] of [pages.low, pages.high, used.low, used.high].entries())
      bytes.writeUInt32LE(word, at + 24 + 4 * half);
  });
  return bytes;
}

/** Reads `encodeTable`'s bytes. Offsets may lie anywhere: the reader checks them. */
export function decodeTable(bytes: Buffer): ChunkRow[] {
  return Array.from({length: bytes.length / ROW_BYTES}, (_, i) => {
    const at = i * ROW_BYTES;
    return {
      index: bytes.readUInt32LE(at),
      storedBytes: bytes.readUInt32LE(at + 4),
      offset: Number(bytes.readBigUInt64LE(at + 8)),
      checksum: bytes.readUInt32LE(at + 16),
      source: bytes.readUInt32LE(at + 20),
      pages: {low: bytes.readUInt32LE(at + 24), high: bytes.readUInt32LE(at + 28)},
      used: {low: bytes.readUInt32LE(at + 32), high: bytes.readUInt32LE(at + 36)},
    };
  });
}

/** The file's last bytes. */
export function encodeFooter({head, table}: Footer): Buffer {
  const bytes = Buffer.alloc(FOOTER_BYTES);
  bytes.writeBigUInt64LE(BigInt(head.offset), 0);
  bytes.writeUInt32LE(head.storedBytes, 8);
  bytes.writeUInt32LE(head.checksum, 12);
  bytes.writeBigUInt64LE(BigInt(table.offset), 16);
  bytes.writeUInt32LE(table.count, 24);
  bytes.writeUInt32LE(table.checksum, 28);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 32)), 32);
  MAGIC.copy(bytes, 40);
  return bytes;
}

/** Errors: bad-snapshot when it is no footer, or a damaged one */
export function decodeFooter(bytes: Buffer, path: string): Footer {
  if (bytes.length !== FOOTER_BYTES || !bytes.subarray(40).equals(MAGIC)) throw badSave(path, 'its end is missing');
  if (crc32(bytes.subarray(0, 32)) !== bytes.readUInt32LE(32)) throw badSave(path, 'its footer is damaged');
  return {
    head: {
      offset: Number(bytes.readBigUInt64LE(0)),
      storedBytes: bytes.readUInt32LE(8),
      checksum: bytes.readUInt32LE(12),
    },
    table: {
      offset: Number(bytes.readBigUInt64LE(16)),
      count: bytes.readUInt32LE(24),
      checksum: bytes.readUInt32LE(28),
    },
  };
}

/** `what` is a clause: "its head is damaged". */
export function badSave(path: string, what: string): ManagerError {
  return new ManagerError('bad-snapshot', `${path} cannot be restored: ${what}.`, 'Use another snapshot.');
}
