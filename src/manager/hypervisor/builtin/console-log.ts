/**
 * console.log of a machine: appended by its process, so that nothing is missing when the daemon was away. One older
 * file is kept beside it. A disk that is slow or full loses log bytes, never guest time.
 */
import {type FileHandle, open, rename} from 'node:fs/promises';

/** Bytes that may wait for the disk; what comes on top is dropped and a line in the log says so. */
const MAX_PENDING_BYTES = 4 * 1024 * 1024;

/** See the module. */
export class ConsoleLog implements AsyncDisposable {
  readonly #path: string;
  readonly #maxBytes: number;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #droppedBytes = 0;
  #writing: Promise<void> | undefined;

  constructor(path: string, maxBytes: number) {
    this.#path = path;
    this.#maxBytes = maxBytes;
  }

  append(bytes: Uint8Array): void {
    if (this.#pendingBytes + bytes.length > MAX_PENDING_BYTES) {
      this.#droppedBytes += bytes.length;
      return;
    }
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    this.#start();
  }

  /** Resolves when everything appended so far is written. */
  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  #start(): void {
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
      // Bytes that came while the file was being closed.
      if (this.#pending.length > 0) this.#start();
    });
  }

  async #write(): Promise<void> {
    let file: FileHandle | undefined;
    try {
      file = await open(this.#path, 'a', 0o600);
      let size = (await file.stat()).size;
      while (this.#pending.length > 0) {
        const batch = this.#take();
        await file.appendFile(batch);
        size += batch.length;
        if (size < this.#maxBytes) continue;
        await file.close();
        await rename(this.#path, `${this.#path}.1`);
        file = await open(this.#path, 'a', 0o600);
        size = 0;
      }
    } catch (thrown) {
      this.#droppedBytes += this.#take().length;
      console.error(`console.log: ${thrown instanceof Error ? thrown.message : thrown}`);
    } finally {
      await file?.close().catch(() => undefined);
    }
  }

  #take(): Uint8Array {
    const parts = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    if (this.#droppedBytes > 0) {
      parts.push(Buffer.from(`\r\n[vivarium: ${this.#droppedBytes} bytes of console output were not logged]\r\n`));
      this.#droppedBytes = 0;
    }
    return Buffer.concat(parts);
  }
}
