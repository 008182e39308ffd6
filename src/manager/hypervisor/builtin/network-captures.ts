/** The captures of one machine: each an own buffer of frames that is asked for again and again. They outlive a reboot. */
import {setTimeout as delay} from 'node:timers/promises';
import {FrameCapture} from '../../../paravirt/net/capture.js';
import type {FrameTap} from '../../../paravirt/net/contract.js';
import {ManagerError} from '../../protocol/errors.js';
import {
  CAPTURE_LEASE_MS,
  type CaptureAnswer,
  type CaptureRequest,
  MAX_CAPTURE_BYTES,
  MAX_CAPTURE_FRAMES,
  MAX_CAPTURES,
} from '../../protocol/network.js';

/** Frames that follow the first within this time come in the same answer. */
const LINGER_MS = 20;

interface Entry {
  readonly capture: FrameCapture;
  /** Wakes who waits for a frame. */
  wake: () => void;
  lease: NodeJS.Timeout | undefined;
  /** Nothing more is captured; what waits can still be taken. */
  isOver: boolean;
}

/** See the module. */
export class NetworkCaptures implements Disposable {
  readonly #entries = new Map<string, Entry>();
  readonly #watch: (tap: FrameTap | undefined) => void;

  /** `watch` is told who looks at frames, and that nobody does any more. */
  constructor(watch: (tap: FrameTap | undefined) => void) {
    this.#watch = watch;
  }

  /** Captures under way. */
  get size(): number {
    return this.#entries.size;
  }

  /** Who looks at frames; undefined while nobody does. */
  get tap(): FrameTap | undefined {
    const captures = [...this.#entries.values()].flatMap(({capture, isOver}) => (isOver ? [] : [capture]));
    if (captures.length < 2) return captures[0];
    return {
      frame: (...frame) => {
        for (const capture of captures) capture.frame(...frame);
      },
    };
  }

  /** See `networkCapture`. Errors: bad-request; cancelled, which ends the capture */
  async ask(request: CaptureRequest, signal: AbortSignal): Promise<CaptureAnswer> {
    const {captureId, isLast, waitMs} = request;
    const entry = request.isFirst ? this.#begin(request) : this.#find(captureId);
    clearTimeout(entry.lease);
    // Whoever asks twice at once, for the end, wakes the first.
    entry.wake();
    if (!isLast && waitMs > 0 && entry.capture.waitingCount === 0) await untilFrame(entry, waitMs, signal);
    if (signal.aborted) this.#end(captureId);
    signal.throwIfAborted();
    const {capture} = entry;
    // Whoever asked for the end meanwhile has what comes next.
    const isOvertaken = entry.isOver && !isLast;
    const taken = isOvertaken ? [] : capture.take(MAX_CAPTURE_BYTES, MAX_CAPTURE_FRAMES);
    if (isLast) {
      entry.isOver = true;
      this.#watch(this.tap);
    }
    if (entry.isOver && capture.waitingCount === 0) this.#end(captureId);
    else if (this.#entries.get(captureId) === entry)
      entry.lease = setTimeout(() => this.#end(captureId), CAPTURE_LEASE_MS).unref();
    const frames = taken.map(({bytes, ...frame}) => ({...frame, data: Buffer.from(bytes).toString('base64')}));
    const {seenCount, droppedCount, waitingCount} = capture;
    return {frames, seenCount, droppedCount, waitingCount};
  }

  [Symbol.dispose](): void {
    for (const captureId of [...this.#entries.keys()]) this.#end(captureId);
  }

  #begin({captureId, snapBytes}: CaptureRequest): Entry {
    if (this.#entries.has(captureId))
      throw new ManagerError('bad-request', 'This capture is under way already.', 'Choose another number.');
    if (this.#entries.size >= MAX_CAPTURES)
      throw new ManagerError(
        'bad-request',
        `${MAX_CAPTURES} captures are under way already.`,
        'End one of them first.',
      );
    const capture = new FrameCapture(snapBytes, () => entry.wake());
    const entry: Entry = {capture, wake: () => undefined, lease: undefined, isOver: false};
    this.#entries.set(captureId, entry);
    this.#watch(this.tap);
    return entry;
  }

  #find(captureId: string): Entry {
    const entry = this.#entries.get(captureId);
    if (entry !== undefined) return entry;
    throw new ManagerError('bad-request', 'This capture is not under way (any more).', 'Begin another.');
  }

  #end(captureId: string): void {
    const entry = this.#entries.get(captureId);
    if (entry === undefined) return;
    clearTimeout(entry.lease);
    this.#entries.delete(captureId);
    entry.wake();
    this.#watch(this.tap);
  }
}

async function untilFrame(entry: Entry, waitMs: number, signal: AbortSignal): Promise<void> {
  const woken = Promise.withResolvers<void>();
  const timer = setTimeout(woken.resolve, waitMs);
  signal.addEventListener('abort', () => woken.resolve(), {once: true});
  entry.wake = woken.resolve;
  await woken.promise;
  clearTimeout(timer);
  if (entry.capture.waitingCount > 0) await delay(LINGER_MS, undefined, {signal}).catch(() => undefined);
}
