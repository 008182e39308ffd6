/** Connects the caller's streams with a guest, at the pace of the slower side. */
import type {Readable, Writable} from 'node:stream';

/**
 * Writes to a stream that may go away. `pause` and `resume` are called when it is full and when it has drained; a
 * reader that left (EPIPE) takes everything from then on without a word, as `head` does to its writer.
 */
export class OutputBridge implements Disposable {
  readonly #stream: Writable;
  readonly #pause: () => void;
  readonly #resume: () => void;
  #isGone = false;
  #isPaused = false;

  constructor(stream: Writable, pause: () => void, resume: () => void) {
    this.#stream = stream;
    this.#pause = pause;
    this.#resume = resume;
    stream.on('drain', this.#onDrain);
    stream.on('error', this.#onError);
  }

  write(bytes: Uint8Array): void {
    if (this.#isGone || this.#stream.write(bytes) || this.#isPaused) return;
    this.#isPaused = true;
    this.#pause();
  }

  /** Resolves when all that was written has left this process. */
  async flushed(): Promise<void> {
    if (this.#isGone || this.#stream.destroyed) return;
    await new Promise<void>((resolve) => {
      this.#stream.once('error', () => resolve());
      this.#stream.write(new Uint8Array(0), () => resolve());
    });
  }

  [Symbol.dispose](): void {
    this.#stream.off('drain', this.#onDrain);
    this.#stream.off('error', this.#onError);
  }

  readonly #onDrain = () => {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#resume();
  };

  readonly #onError = () => {
    this.#isGone = true;
    this.#onDrain();
  };
}

/** Where input goes. */
export interface InputSink {
  /** Takes what it can and says how much that was; `InputBridge.pull` offers the rest again. */
  write(bytes: Uint8Array): number;
  /** The stream has ended and everything of it has been taken. */
  end(): void;
}

/** Reads a stream only as fast as the sink takes it. */
export class InputBridge implements Disposable {
  readonly #stream: Readable;
  readonly #sink: InputSink;
  #waiting: Uint8Array = new Uint8Array(0);
  #hasEnded = false;

  constructor(stream: Readable, sink: InputSink) {
    this.#stream = stream;
    this.#sink = sink;
    stream.on('data', this.#onData);
    stream.on('end', this.#onEnd);
    stream.on('error', this.#onEnd);
    if (stream.readableEnded || stream.destroyed) this.#onEnd();
    else stream.resume();
  }

  /** The sink has room again. */
  pull(): void {
    if (this.#waiting.length > 0) this.#waiting = this.#waiting.subarray(this.#sink.write(this.#waiting));
    if (this.#waiting.length > 0) return;
    if (this.#hasEnded) this.#sink.end();
    else this.#stream.resume();
  }

  /** Lets go of the stream; what it still has stays in it. */
  [Symbol.dispose](): void {
    this.#stream.off('data', this.#onData);
    this.#stream.off('end', this.#onEnd);
    this.#stream.off('error', this.#onEnd);
    this.#stream.pause();
  }

  readonly #onData = (chunk: Uint8Array) => {
    this.#waiting = this.#waiting.length === 0 ? chunk : Buffer.concat([this.#waiting, chunk]);
    this.#stream.pause();
    this.pull();
  };

  readonly #onEnd = () => {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.pull();
  };
}
