/**
 * Samples of where a guest spends its time: while somebody listens, a hart writes down its pc each time it has used up
 * its quantum of instructions. Every hart has a ring of its own, which it alone writes and any number of samplers read.
 *
 *   ring = {count: i32 (atomic, of all samples ever), unused: i32, sample: u64[SAMPLE_COUNT]}
 *   sample = pc | 1 when in user mode (bit 0 of a pc is always clear)
 */
import {SAMPLING} from '../memory/header.js';
import {type MemoryLayout, SAMPLE_COUNT} from '../memory/layout.js';
import {PRIVILEGE} from './layout.js';
import type {HartState, MemoryViews} from './state.js';

const FIRST_SAMPLE = 8;
/** Samples that may be overwritten while they are read. */
const MARGIN = 64;

/** Writes a hart's sample, over the oldest when the ring is full. */
export function leaveSample(state: HartState, pcLow: number, pcHigh: number): void {
  const {i32} = state.views;
  const ring = state.layout.samples[state.id]! >> 2;
  const count = i32[ring]!;
  const at = ring + ((FIRST_SAMPLE + (count & (SAMPLE_COUNT - 1)) * 8) >> 2);
  i32[at] = pcLow | (state.i32(PRIVILEGE) === 0 ? 1 : 0);
  i32[at + 1] = pcHigh;
  Atomics.store(i32, ring, (count + 1) | 0);
}

/** Takes the samples of all harts. */
export class Sampler implements Disposable {
  readonly #views: MemoryViews;
  readonly #rings: readonly {readonly at: number; seen: number}[];
  #isOn = true;

  constructor(views: MemoryViews, layout: MemoryLayout) {
    this.#views = views;
    this.#rings = layout.samples.map((at) => ({at, seen: Atomics.load(views.i32, at >> 2)}));
    Atomics.add(views.i32, SAMPLING >> 2, 1);
  }

  /** Hands over the samples since the last call, of each hart in order; returns how many came too fast to be kept. */
  take(visit: (pc: bigint, isUser: boolean) => void): number {
    let lost = 0;
    for (const ring of this.#rings) {
      const count = Atomics.load(this.#views.i32, ring.at >> 2);
      const fresh = (count - ring.seen) | 0;
      const kept = Math.min(fresh, SAMPLE_COUNT - MARGIN);
      lost += fresh - kept;
      const first = (ring.at + FIRST_SAMPLE) >> 3;
      for (let index = count - kept; index !== count; index++) {
        const sample = this.#views.u64[first + (index & (SAMPLE_COUNT - 1))]!;
        visit(sample & ~1n, (sample & 1n) !== 0n);
      }
      ring.seen = count;
    }
    return lost;
  }

  [Symbol.dispose](): void {
    if (this.#isOn) Atomics.sub(this.#views.i32, SAMPLING >> 2, 1);
    this.#isOn = false;
  }
}
