/**
 * Frames between a machine's process and the switch of its daemon, over a unix socket:
 *   record = {frameBytes: u32le, checksumStart: u16le, checksumOffset: u16le, segmentBytes: u16le, 0: u16le, frame…}
 * The first bytes of a connection are `SWITCH_GREETING`.
 */
import type {Socket} from 'node:net';
import {ETHERNET_BYTES, FRAME_BYTES_MAX, type FrameOffload} from './contract.js';

/** Tells a connection for frames from one for requests. */
export const SWITCH_GREETING: Uint8Array = new TextEncoder().encode('VIVSWTCH');
/** Bytes in front of each frame. */
export const RECORD_HEAD_BYTES = 12;
/** Bytes that may wait for the other end to read them; frames beyond are dropped, as networks do. */
export const WIRE_BYTES_MAX = 1 << 20;

/** A record of a frame, copied. */
export function packRecord(frame: Uint8Array, offload: Readonly<FrameOffload>): Uint8Array {
  const record = new Uint8Array(RECORD_HEAD_BYTES + frame.length);
  const view = new DataView(record.buffer);
  view.setUint32(0, frame.length, true);
  view.setUint16(4, offload.checksumStart, true);
  view.setUint16(6, offload.checksumOffset, true);
  view.setUint16(8, offload.segmentBytes, true);
  record.set(frame, RECORD_HEAD_BYTES);
  return record;
}

/** What a record says of its frame; undefined where that contradicts the frame. */
export function readOffload(record: Uint8Array): FrameOffload | undefined {
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  const offload = {
    checksumStart: view.getUint16(4, true),
    checksumOffset: view.getUint16(6, true),
    segmentBytes: view.getUint16(8, true),
  };
  const {checksumStart, checksumOffset, segmentBytes} = offload;
  if (checksumStart === 0) return segmentBytes === 0 ? offload : undefined;
  const end = checksumStart + checksumOffset + 2;
  return checksumStart >= ETHERNET_BYTES && end <= record.length - RECORD_HEAD_BYTES ? offload : undefined;
}

/** Cuts what arrives into records. Keeps less than one of them. */
export class RecordSplitter {
  #kept: Uint8Array = new Uint8Array(0);

  /** The records that are complete now; they are the caller's. Undefined once the other end has broken the rules. */
  push(chunk: Uint8Array): Uint8Array[] | undefined {
    const all = this.#kept.length === 0 ? chunk : Buffer.concat([this.#kept, chunk]);
    const view = new DataView(all.buffer, all.byteOffset, all.length);
    const records: Uint8Array[] = [];
    let at = 0;
    while (all.length - at >= RECORD_HEAD_BYTES) {
      const frameBytes = view.getUint32(at, true);
      if (frameBytes < ETHERNET_BYTES || frameBytes > FRAME_BYTES_MAX) return undefined;
      const end = at + RECORD_HEAD_BYTES + frameBytes;
      if (end > all.length) break;
      records.push(all.subarray(at, end));
      at = end;
    }
    this.#kept = all.subarray(at);
    return records;
  }
}

/** One end of a connection for frames. Owns the socket; neither end ever waits for the other. */
export class SwitchWire implements Disposable {
  /** Records that were lost because the other end did not read. */
  droppedCount = 0;
  /** Gets what arrives; until it is set that is lost. */
  onRecords: ((records: readonly Uint8Array[]) => void) | undefined;
  readonly #socket: Socket;
  readonly #splitter = new RecordSplitter();

  /** `onClosed` is called once, also when the other end broke the rules. */
  constructor(socket: Socket, onClosed: () => void = () => undefined) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.take(chunk));
    // The close that follows says the rest.
    socket.on('error', () => undefined);
    socket.on('close', onClosed);
  }

  /** Takes bytes as if they came from the socket. */
  take(chunk: Uint8Array): void {
    const records = this.#splitter.push(chunk);
    if (records === undefined) this.#socket.destroy();
    else if (records.length > 0) this.onRecords?.(records);
  }

  /** Sends a record, or drops it. */
  send(record: Uint8Array): void {
    if (this.#socket.destroyed || this.#socket.writableLength > WIRE_BYTES_MAX) this.droppedCount++;
    else this.#socket.write(record);
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}
