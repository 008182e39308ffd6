/**
 * Curves of one resolution: for every step of time what each of a few numbers was at least, on average and at most. The
 * oldest steps make room for new ones, so memory is bounded by `capacity` whatever happens.
 *
 * Shape: a row is {least, mean, most} as f32 for every column; NaN where nothing was told
 */

/** What a ring holds, for files. Row by row, oldest first; `times` are when steps began. Units: milliseconds since 1970 */
export interface RingContent {
  readonly columns: number;
  readonly times: Float64Array;
  readonly rows: Float32Array;
}

/** Numbers of a cell: least, mean, most. */
export const CELL = 3;
/** Rows that there is room for at first: machines that run for a moment cost little. */
const FIRST_ROWS = 16;

/** See the module. */
export class CurveRing {
  readonly stepMs: number;
  readonly capacity: number;
  #columns: number;
  #times = new Float64Array(FIRST_ROWS);
  #rows: Float32Array;
  /** Index of the oldest row, and how many there are. */
  #first = 0;
  #length = 0;
  /** Values that the newest row has taken in, by column. */
  #counts: Uint32Array;

  constructor(stepMs: number, capacity: number, columns: number) {
    this.stepMs = stepMs;
    this.capacity = capacity;
    this.#columns = columns;
    this.#rows = new Float32Array(FIRST_ROWS * columns * CELL);
    this.#counts = new Uint32Array(columns);
  }

  get columns(): number {
    return this.#columns;
  }

  get length(): number {
    return this.#length;
  }

  /** Bytes that are held. */
  get heldBytes(): number {
    return this.#times.byteLength + this.#rows.byteLength + this.#counts.byteLength;
  }

  /** Takes in what the numbers are at a time; NaN for what is not told. A clock that was set back loses what came after. */
  add(atMs: number, values: readonly number[]): void {
    if (values.length > this.#columns) this.#widen(values.length);
    const begin = Math.floor(atMs / this.stepMs) * this.stepMs;
    while (this.#length > 0 && this.timeAt(this.#length - 1) > begin) this.#length--;
    if (this.#length === 0 || this.timeAt(this.#length - 1) !== begin) this.#begin(begin);
    const at = this.#place(this.#length - 1) * this.#columns * CELL;
    for (let column = 0; column < values.length; column++) {
      const value = values[column]!;
      if (!Number.isFinite(value)) continue;
      const cell = at + column * CELL;
      const count = ++this.#counts[column]!;
      const mean = count === 1 ? value : this.#rows[cell + 1]! + (value - this.#rows[cell + 1]!) / count;
      this.#rows[cell] = count === 1 ? value : Math.min(this.#rows[cell]!, value);
      this.#rows[cell + 1] = mean;
      this.#rows[cell + 2] = count === 1 ? value : Math.max(this.#rows[cell + 2]!, value);
    }
  }

  /** When a row's step began; 0 is the oldest. */
  timeAt(row: number): number {
    return this.#times[this.#place(row)]!;
  }

  /** A number of a row: the least (0), the mean (1) or the most (2). */
  valueAt(row: number, column: number, which: 0 | 1 | 2): number {
    return this.#rows[(this.#place(row) * this.#columns + column) * CELL + which]!;
  }

  /** A copy of all rows in order. */
  content(): RingContent {
    const width = this.#columns * CELL;
    const times = new Float64Array(this.#length);
    const rows = new Float32Array(this.#length * width);
    for (let row = 0; row < this.#length; row++) {
      const from = this.#place(row);
      times[row] = this.#times[from]!;
      rows.set(this.#rows.subarray(from * width, (from + 1) * width), row * width);
    }
    return {columns: this.#columns, times, rows};
  }

  /** Begins with rows of an earlier ring, the newest that there is room for. */
  restore({columns, times, rows}: RingContent): void {
    const shift = Math.max(0, times.length - this.capacity);
    this.#columns = columns;
    this.#counts = new Uint32Array(columns);
    this.#first = 0;
    this.#length = times.length - shift;
    const size = Math.max(FIRST_ROWS, this.#length);
    this.#times = new Float64Array(size);
    this.#times.set(times.subarray(shift));
    this.#rows = new Float32Array(size * columns * CELL);
    this.#rows.set(rows.subarray(shift * columns * CELL));
  }

  #place(row: number): number {
    return (this.#first + row) % this.#times.length;
  }

  #begin(atMs: number): void {
    if (this.#length === this.#times.length && this.#length < this.capacity) this.#grow();
    if (this.#length === this.#times.length) {
      this.#first = (this.#first + 1) % this.#times.length;
      this.#length--;
    }
    const place = this.#place(this.#length++);
    this.#times[place] = atMs;
    this.#rows.fill(Number.NaN, place * this.#columns * CELL, (place + 1) * this.#columns * CELL);
    this.#counts.fill(0);
  }

  #grow(): void {
    const {times, rows} = this.content();
    const size = Math.min(this.capacity, this.#times.length * 2);
    this.#first = 0;
    this.#times = new Float64Array(size);
    this.#times.set(times);
    this.#rows = new Float32Array(size * this.#columns * CELL);
    this.#rows.set(rows);
  }

  /** More columns: what was before knows nothing of them. */
  #widen(columns: number): void {
    const before = this.content();
    const rows = new Float32Array(before.times.length * columns * CELL).fill(Number.NaN);
    const counts = new Uint32Array(columns);
    counts.set(this.#counts);
    const width = before.columns * CELL;
    for (let row = 0; row < before.times.length; row++)
      rows.set(before.rows.subarray(row * width, (row + 1) * width), row * columns * CELL);
    this.restore({columns, times: before.times, rows});
    this.#counts = counts;
  }
}
