/** How any thread of a machine reaches a hart: pending interrupts and requests, each one atomic store and a wake-up. */
import {hartBlock, LIMIT, PENDING, REQUESTS, SOFTWARE_SEIP, WAKE} from './layout.js';
import type {MemoryViews} from './state.js';

const SEIP = 1 << 9;

/** Makes a hart look at its requests and interrupts at its next control transfer, or at once when it sleeps. */
export function kick(views: MemoryViews, hart: number): void {
  const base = hartBlock(hart) >> 2;
  Atomics.store(views.i32, base + (LIMIT >> 2), -0x80000000);
  Atomics.add(views.i32, base + (WAKE >> 2), 1);
  Atomics.notify(views.i32, base + (WAKE >> 2));
}

/** Sets bits of a hart's mip. */
export function raise(views: MemoryViews, hart: number, bits: number): void {
  const cell = (hartBlock(hart) + PENDING) >> 2;
  if ((Atomics.or(views.i32, cell, bits) & bits) !== bits) kick(views, hart);
}

/** Clears bits of a hart's mip; SEIP stays while software holds it up. */
export function lower(views: MemoryViews, hart: number, bits: number): void {
  const {i32} = views;
  const cell = (hartBlock(hart) + PENDING) >> 2;
  for (;;) {
    const old = Atomics.load(i32, cell);
    const next = (old & ~bits) | ((old & SOFTWARE_SEIP) !== 0 ? SEIP : 0);
    if (Atomics.compareExchange(i32, cell, old, next) === old) return;
  }
}

/** Asks something of a hart (bits of `HartRequest`). */
export function request(views: MemoryViews, hart: number, bits: number): void {
  Atomics.or(views.i32, (hartBlock(hart) + REQUESTS) >> 2, bits);
  kick(views, hart);
}
