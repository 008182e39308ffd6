/**
 * Pieces of tables in memory, a bounded number of them. Every change is written through at once, so a piece can be let
 * go at any time but while its own write is under way: then what the file holds is not yet what it says.
 */
import type {ImageFile} from '../../image-file.js';

/** Most bytes of one piece; a table's cluster may be larger. */
const SLICE_BYTES_MAX = 4096;

/** A piece of a table. `position` is where it lies in the file. */
export interface Slice {
  readonly position: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  isUsed: boolean;
  pins: number;
}

/** See the module. Positions are multiples of `sliceBytes`. */
export class SliceCache {
  readonly sliceBytes: number;
  readonly #file: ImageFile;
  readonly #prepare: ((slice: Slice) => void) | undefined;
  readonly #countMax: number;
  readonly #slices = new Map<number, Slice>();
  readonly #loading = new Map<number, Promise<Slice>>();

  /** `prepare` looks at what was read from the file before anyone else does. */
  constructor(file: ImageFile, clusterBytes: number, bytesMax: number, prepare?: (slice: Slice) => void) {
    this.#file = file;
    this.sliceBytes = Math.min(clusterBytes, SLICE_BYTES_MAX);
    this.#countMax = Math.max(8, Math.floor(bytesMax / this.sliceBytes));
    this.#prepare = prepare;
  }

  /** The piece at `position` if it is in memory. */
  peek(position: number): Slice | undefined {
    const slice = this.#slices.get(position);
    if (slice !== undefined) slice.isUsed = true;
    return slice;
  }

  /** Reads the piece at `position`. Callers look again with `peek` after any wait of their own. */
  load(position: number): Promise<Slice> {
    const present = this.peek(position);
    if (present !== undefined) return Promise.resolve(present);
    let loading = this.#loading.get(position);
    if (loading === undefined) {
      loading = this.#read(position).finally(() => this.#loading.delete(position));
      this.#loading.set(position, loading);
    }
    return loading;
  }

  /** Writes bytes of a piece back; it stays in memory meanwhile. */
  async write(slice: Slice, from: number, to: number): Promise<void> {
    slice.pins++;
    try {
      await this.#file.writev([slice.bytes.subarray(from, to)], slice.position + from);
    } finally {
      slice.pins--;
    }
  }

  /** Forgets what lies in a part of the file that becomes something else. */
  drop(from: number, to: number): void {
    for (let position = from; position < to; position += this.sliceBytes) this.#slices.delete(position);
  }

  async #read(position: number): Promise<Slice> {
    const bytes = new Uint8Array(this.sliceBytes);
    await this.#file.readv([bytes], position);
    const slice: Slice = {position, bytes, view: new DataView(bytes.buffer), isUsed: true, pins: 0};
    this.#prepare?.(slice);
    this.#makeRoom();
    this.#slices.set(position, slice);
    return slice;
  }

  /** Second chance: who was used since the last round goes to the end of the line. Pinned ones may exceed the bound. */
  #makeRoom(): void {
    let looked = 0;
    for (const [position, slice] of this.#slices) {
      if (this.#slices.size < this.#countMax || looked++ > 2 * this.#countMax) return;
      this.#slices.delete(position);
      if (slice.isUsed || slice.pins > 0) {
        slice.isUsed = false;
        this.#slices.set(position, slice);
      }
    }
  }
}
