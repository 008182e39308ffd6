/** A set of cluster numbers in one typed array: an image can name millions, and a `Set` takes 40 bytes for each. */

const EMPTY = -1;

/** See the module. Numbers are whole and at least 0. */
export class OffsetSet {
  #slots = new Float64Array(64).fill(EMPTY);
  #size = 0;

  has(value: number): boolean {
    return this.#slots[this.#find(value)] === value;
  }

  /** False when it was there already. */
  add(value: number): boolean {
    const at = this.#find(value);
    if (this.#slots[at] === value) return false;
    this.#slots[at] = value;
    this.#size++;
    if (this.#size * 2 > this.#slots.length) this.#rebuild(this.#slots.length * 2);
    return true;
  }

  /** Rare: makes the whole set anew, since probing knows no gaps. */
  delete(value: number): void {
    const at = this.#find(value);
    if (this.#slots[at] !== value) return;
    this.#slots[at] = EMPTY;
    this.#rebuild(this.#slots.length);
  }

  #find(value: number): number {
    const mask = this.#slots.length - 1;
    // Mixed well: clusters come in long rows, and rows that met would be searched from end to end.
    let hash = Math.imul(value ^ Math.floor(value / 0x1_0000_0000) ^ (value >>> 15), 0x85eb_ca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
    let at = (hash ^ (hash >>> 16)) & mask;
    while (this.#slots[at] !== EMPTY && this.#slots[at] !== value) at = (at + 1) & mask;
    return at;
  }

  #rebuild(length: number): void {
    const old = this.#slots;
    this.#slots = new Float64Array(length).fill(EMPTY);
    this.#size = 0;
    for (const value of old) {
      if (value === EMPTY) continue;
      this.#slots[this.#find(value)] = value;
      this.#size++;
    }
  }
}
