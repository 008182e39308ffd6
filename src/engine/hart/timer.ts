/**
 * A hart's view of time: the time CSR, stimecmp (Sstc) and the platform's mtimecmp. Deadlines are ticks of 10 MHz as
 * doubles, Infinity when they can never come (above 2^53 ticks is 28 years).
 */
import type {MachineClock} from '../memory/clock.js';
import {NS_PER_TICK} from '../memory/clock.js';
import {MIP} from './csr-table.js';
import {LIMIT, MTIMECMP, PENDING, STIMECMP} from './layout.js';
import type {HartState} from './state.js';

const NEVER = 2 ** 53;

/** Timer registers of one hart, in its shared block. */
export class HartTimer {
  readonly #state: HartState;
  readonly #clock: MachineClock;
  /** Whether STIP follows stimecmp (menvcfg.STCE or SBI's timer) rather than software. */
  isStimecmpOn = false;

  constructor(state: HartState, clock: MachineClock) {
    this.#state = state;
    this.#clock = clock;
  }

  /** Guest time in ticks. */
  now(): number {
    return this.#clock.ticks();
  }

  stimecmp(): bigint {
    const ticks = this.#state.f64(STIMECMP);
    return ticks >= NEVER ? (1n << 64n) - 1n : BigInt(ticks);
  }

  setStimecmp(ticks: bigint): void {
    this.setSupervisorDeadline(ticks >= BigInt(NEVER) ? Number.POSITIVE_INFINITY : Number(ticks));
  }

  /** Sets the supervisor deadline and brings STIP up to date. */
  setSupervisorDeadline(ticks: number): void {
    this.#state.setF64(STIMECMP, ticks);
    this.update();
  }

  /** Sets or clears the pending bits whose deadlines have passed or not. */
  update(): void {
    const now = this.now();
    if (this.isStimecmpOn) this.#follow(MIP.STIP, now >= this.#state.f64(STIMECMP));
    this.#follow(MIP.MTIP, now >= this.#state.f64(MTIMECMP));
  }

  /** Nanoseconds until the next deadline that is not yet pending; 0 or less when one has passed. */
  untilNextNs(): number {
    const pending = this.#state.i32(PENDING);
    let next = Number.POSITIVE_INFINITY;
    if (this.isStimecmpOn && (pending & MIP.STIP) === 0) next = this.#state.f64(STIMECMP);
    if ((pending & MIP.MTIP) === 0) next = Math.min(next, this.#state.f64(MTIMECMP));
    return next * NS_PER_TICK - this.#clock.nowNs();
  }

  #follow(bit: number, isDue: boolean): void {
    const cell = this.#state.cell(PENDING);
    const {i32} = this.#state.views;
    if (((i32[cell]! & bit) !== 0) === isDue) return;
    if (isDue) {
      Atomics.or(i32, cell, bit);
      this.#state.setI32(LIMIT, -0x80000000);
    } else Atomics.and(i32, cell, ~bit);
  }
}
