/** A part of a file, from some position to its end, as a file: an image can be written where it is to lie in another file. */
import type {ImageFile, Pending} from './image-file.js';
import type {FileRange} from './punch-holes.js';

/** See the module. Owns the file. Units: `start` is a position in bytes */
export class FileWindow implements ImageFile {
  readonly #file: ImageFile;
  readonly #start: number;

  constructor(file: ImageFile, start: number) {
    this.#file = file;
    this.#start = start;
  }

  get path(): string {
    return this.#file.path;
  }

  get isReadOnly(): boolean {
    return this.#file.isReadOnly;
  }

  get sizeBytes(): number {
    return Math.max(0, this.#file.sizeBytes - this.#start);
  }

  readv(buffers: readonly Uint8Array[], position: number): Pending {
    return this.#file.readv(buffers, this.#start + position);
  }

  writev(buffers: readonly Uint8Array[], position: number): Pending {
    return this.#file.writev(buffers, this.#start + position);
  }

  deallocate(ranges: readonly FileRange[]): Promise<void> {
    return this.#file.deallocate(ranges.map(({position, length}) => ({position: this.#start + position, length})));
  }

  resize(sizeBytes: number): Promise<void> {
    return this.#file.resize(this.#start + sizeBytes);
  }

  sync(): Promise<void> {
    return this.#file.sync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
  }
}
