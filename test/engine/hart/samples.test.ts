import {describe, expect, it} from 'vitest';
import {SAMPLE_COUNT} from '../../../src/engine/memory/layout.js';
import {buildGuest, createMachine, type Guest} from '../../support/bare-guest.js';

/** Spends three quarters of its time in `often`, the rest in `seldom`, for ever. */
const twoLoops: Guest = {
  text: `
    again: li s0, 300000
    often: addi s0, s0, -1
    bnez s0, often
    often_end: li s0, 100000
    seldom: addi s0, s0, -1
    bnez s0, seldom
    seldom_end: j again`,
};

/** Like `twoLoops`, but the first loop runs in user mode, which comes back by an environment call. */
const userLoop: Guest = {
  text: `
    again: la t0, back
    csrw mtvec, t0
    li t0, -1
    csrw pmpaddr0, t0
    li t0, 31
    csrw pmpcfg0, t0
    to U, often_start
    often_start: li s0, 300000
    often: addi s0, s0, -1
    bnez s0, often
    often_end: ecall
    .balign 4
    back: li s0, 100000
    seldom: addi s0, s0, -1
    bnez s0, seldom
    seldom_end: j again`,
};

/** Collects at least `wanted` samples, at least one of them within each of some labels. */
async function sample(guest: Guest, wanted: number, labels: readonly string[] = []) {
  const {elf, addressOf} = buildGuest(guest);
  await using machine = await createMachine(guest, elf);
  machine.start();
  using sampler = machine.startSampling();
  const seen: {pc: bigint; isUser: boolean}[] = [];
  const within = (label: string) => seen.filter(({pc}) => pc >= addressOf(label) && pc < addressOf(`${label}_end`));
  while (seen.length < wanted || labels.some((label) => within(label).length === 0)) {
    await new Promise((resolve) => setImmediate(resolve));
    sampler.take((pc, isUser) => seen.push({pc, isUser}));
  }
  return {seen, within};
}

describe('samples of a guest', () => {
  it('fall where it spends its time', async () => {
    const {seen, within} = await sample(twoLoops, 400);
    const [often, seldom] = [within('often').length, within('seldom').length];
    expect(often + seldom).toBeGreaterThan(seen.length * 0.9);
    expect(often / seldom).toBeGreaterThan(2);
    expect(often / seldom).toBeLessThan(4.5);
    expect(seen.some(({isUser}) => isUser)).toBe(false);
  });

  it('tell user mode from the others', async () => {
    const {within} = await sample(userLoop, 200);
    expect(within('often').length).toBeGreaterThan(50);
    expect(within('often').every(({isUser}) => isUser)).toBe(true);
    expect(within('seldom').some(({isUser}) => isUser)).toBe(false);
  });

  it('come from every hart', async () => {
    const own: Guest = {
      hartCount: 2,
      text: `
        csrr s0, mhartid
        bnez s0, other
        first: j first
        first_end: nop
        other: j other
        other_end: nop`,
    };
    // The second hart may start much later than the first.
    const {within} = await sample(own, 2, ['first', 'other']);
    expect(within('first').length).toBeGreaterThan(0);
    expect(within('other').length).toBeGreaterThan(0);
  });

  it('are bounded: what was not taken in time is counted as lost', async () => {
    const {elf} = buildGuest(twoLoops);
    await using machine = await createMachine(twoLoops, elf);
    using sampler = machine.startSampling();
    machine.start();
    const quantum = 1 << 16;
    while (machine.counters().instructions < quantum * SAMPLE_COUNT * 1.5)
      await new Promise((resolve) => setTimeout(resolve, 5));
    let kept = 0;
    const lost = sampler.take(() => kept++);
    expect(kept).toBeLessThanOrEqual(SAMPLE_COUNT);
    expect(kept).toBeGreaterThan(SAMPLE_COUNT / 2);
    expect(lost).toBeGreaterThan(SAMPLE_COUNT / 4);
  });

  it('are not taken when nobody listens, and by each who does', async () => {
    const {elf} = buildGuest(twoLoops);
    await using machine = await createMachine(twoLoops, elf);
    machine.start();
    const first = machine.startSampling();
    using second = machine.startSampling();
    let count = 0;
    const ofFirst = () => first.take(() => count++);
    while (count < 10) {
      await new Promise((resolve) => setImmediate(resolve));
      ofFirst();
    }
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    let others = 0;
    second.take(() => others++);
    expect(others).toBeGreaterThanOrEqual(10);
    second[Symbol.dispose]();
    // A sample that was under way may still come.
    await machine.pause();
    ofFirst();
    machine.resume();
    const before = machine.counters().instructions;
    const taken = count;
    while (machine.counters().instructions < before + 20 * 65_536)
      await new Promise((resolve) => setImmediate(resolve));
    ofFirst();
    expect(count).toBe(taken);
  });
});
