/**
 * Frames of a card on their way to whoever captures them. They wait in a buffer that is bounded: who takes them too slowly
 * loses frames and is told how many, and never costs the machine more.
 *
 * A checksum that the sender left to the card is filled in where a frame is kept whole, as it would be on a wire, so that no
 * reader takes it for an error.
 */
import {addPieces, finish} from './checksum.js';
import type {FrameDirection, FrameOffload, FrameTap} from './contract.js';

/** Bytes that may wait in one capture, `FRAME_COST_BYTES` for each frame included. */
export const CAPTURE_BYTES_MAX = 4 << 20;
/** What a frame that waits costs besides its bytes. */
export const FRAME_COST_BYTES = 256;

/** A frame as it passed. Units: microseconds since 1970; `frameBytes` as it was, of which `bytes` may be the beginning only */
export interface CapturedFrame {
  readonly atUs: number;
  readonly direction: FrameDirection;
  readonly frameBytes: number;
  readonly bytes: Uint8Array;
}

/** See the module. */
export class FrameCapture implements FrameTap {
  /** Frames that passed, and those of them that were lost because the buffer was full. */
  seenCount = 0;
  droppedCount = 0;
  readonly #snapBytes: number;
  readonly #bytesMax: number;
  readonly #added: () => void;
  // The host's clock at the beginning, and what the process has counted since: frames stay in order when the clock is set.
  readonly #startUs = (Date.now() - performance.now()) * 1000;
  #frames: CapturedFrame[] = [];
  #usedBytes = 0;

  /** Keeps the first `snapBytes` of each frame; `added` is called for each that was kept. */
  constructor(snapBytes: number, added: () => void, bytesMax = CAPTURE_BYTES_MAX) {
    this.#snapBytes = snapBytes;
    this.#added = added;
    this.#bytesMax = bytesMax;
  }

  /** Frames that wait. */
  get waitingCount(): number {
    return this.#frames.length;
  }

  frame(
    direction: FrameDirection,
    head: Uint8Array,
    headBytes: number,
    body: readonly Uint8Array[],
    offload: Readonly<FrameOffload>,
  ): void {
    this.seenCount++;
    let frameBytes = headBytes;
    for (const bytes of body) frameBytes += bytes.length;
    const keptBytes = Math.min(frameBytes, this.#snapBytes);
    if (this.#usedBytes + keptBytes + FRAME_COST_BYTES > this.#bytesMax) {
      this.droppedCount++;
      return;
    }
    const bytes = new Uint8Array(keptBytes);
    let at = Math.min(headBytes, keptBytes);
    bytes.set(head.subarray(0, at));
    for (const piece of body) {
      if (at === keptBytes) break;
      const part = piece.subarray(0, keptBytes - at);
      bytes.set(part, at);
      at += part.length;
    }
    if (offload.checksumStart > 0 && keptBytes === frameBytes)
      fillChecksum(bytes, head.subarray(0, headBytes), body, offload);
    const atUs = Math.round(this.#startUs + performance.now() * 1000);
    this.#frames.push({atUs, direction, frameBytes, bytes});
    this.#usedBytes += keptBytes + FRAME_COST_BYTES;
    this.#added();
  }

  /** Takes the oldest frames: at least one if there is one, then as many as both limits let. */
  take(bytesMax: number, countMax: number): CapturedFrame[] {
    let count = 0;
    for (let bytes = 0; count < Math.min(countMax, this.#frames.length); count++) {
      bytes += this.#frames[count]!.bytes.length;
      if (count > 0 && bytes > bytesMax) break;
    }
    const taken = this.#frames.slice(0, count);
    this.#frames = this.#frames.slice(count);
    for (const {bytes} of taken) this.#usedBytes -= bytes.length + FRAME_COST_BYTES;
    return taken;
  }
}

/** The field holds the sum of the pseudo-header, so summing all from `checksumStart` on gives the checksum (virtio 1.2 §5.1.6.2). */
function fillChecksum(
  bytes: Uint8Array,
  head: Uint8Array,
  body: readonly Uint8Array[],
  {checksumStart, checksumOffset}: Readonly<FrameOffload>,
): void {
  const at = checksumStart + checksumOffset;
  if (at + 2 > bytes.length || checksumStart > head.length) return;
  const checksum = finish(addPieces(0, [head.subarray(checksumStart), ...body]));
  bytes[at] = checksum >> 8;
  bytes[at + 1] = checksum & 0xff;
}
