/** A small deterministic generator (xorshift128), so that a failing random test can be run again from its seed. */
export class SeededRandom {
  readonly #state: Uint32Array;

  constructor(seed: number) {
    this.#state = Uint32Array.of(seed ^ 0x9e3779b9, seed * 0x85ebca6b + 1, 0xc2b2ae35 - seed, 0x27d4eb2f);
    for (let i = 0; i < 16; i++) this.u32();
  }

  /** 32 random bits. */
  u32(): number {
    const s = this.#state;
    let t = s[3]!;
    t ^= t << 11;
    t ^= t >>> 8;
    s[3] = s[2]!;
    s[2] = s[1]!;
    s[1] = s[0]!;
    s[0] = t ^ s[0]! ^ (s[0]! >>> 19);
    return s[0]!;
  }

  /** 64 random bits. */
  u64(): bigint {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32());
  }

  /** An integer from 0 up to but not including `limit`. */
  below(limit: number): number {
    return this.u32() % limit;
  }

  /** True with a probability of `percent` in a hundred. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(list: readonly T[]): T {
    const item = list[this.below(list.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }
}
