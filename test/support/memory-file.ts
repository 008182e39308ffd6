import type {ImageFile} from '../../src/paravirt/block/image-file.js';
import {ParavirtError} from '../../src/paravirt/error.js';

/** A file in memory; grows as it is written. */
export class MemoryFile implements ImageFile {
  readonly path: string;
  readonly isReadOnly = false;
  sizeBytes: number;
  isClosed = false;
  /** The next operations that write or sync reject with this. */
  failure: ParavirtError | undefined;
  /** Answers without a turn of the event loop: for tests that only read. */
  isPrompt = false;
  #bytes: Uint8Array;

  constructor(content: Uint8Array = new Uint8Array(0), path = '/memory/disk') {
    this.#bytes = content.slice();
    this.sizeBytes = content.length;
    this.path = path;
  }

  get content(): Uint8Array {
    return this.#bytes.subarray(0, this.sizeBytes);
  }

  async readv(buffers: readonly Uint8Array[], position: number): Promise<void> {
    // Later than now, as with every real file: whoever forgets to wait is found out.
    if (!this.isPrompt) await turn();
    let at = position;
    for (const buffer of buffers) {
      const part = this.#bytes.subarray(Math.min(at, this.sizeBytes), Math.min(at + buffer.length, this.sizeBytes));
      buffer.set(part);
      buffer.fill(0, part.length);
      at += buffer.length;
    }
  }

  async writev(buffers: readonly Uint8Array[], position: number): Promise<void> {
    if (!this.isPrompt) await turn();
    if (this.failure !== undefined) throw this.failure;
    let at = position;
    for (const buffer of buffers) {
      this.#reserve(at + buffer.length);
      this.#bytes.set(buffer, at);
      at += buffer.length;
    }
    this.sizeBytes = Math.max(this.sizeBytes, at);
  }

  async deallocate(ranges: readonly {readonly position: number; readonly length: number}[]): Promise<void> {
    for (const {position, length} of ranges)
      if (position < this.sizeBytes)
        await this.writev([new Uint8Array(Math.min(length, this.sizeBytes - position))], position).catch(
          () => undefined,
        );
  }

  async resize(sizeBytes: number): Promise<void> {
    if (!this.isPrompt) await turn();
    if (this.failure !== undefined) throw this.failure;
    this.#reserve(sizeBytes);
    if (sizeBytes < this.sizeBytes) this.#bytes.fill(0, sizeBytes, this.sizeBytes);
    this.sizeBytes = sizeBytes;
  }

  async sync(): Promise<void> {
    if (!this.isPrompt) await turn();
    if (this.failure !== undefined) throw this.failure;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isClosed = true;
  }

  #reserve(length: number): void {
    if (length <= this.#bytes.length) return;
    if (length > 1 << 30) throw new ParavirtError('no-space', 'A test file grew beyond 1 GiB.', 'Find out why.');
    const grown = new Uint8Array(Math.max(length, this.#bytes.length * 2, 65_536));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
