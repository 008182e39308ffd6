/** A guest that makes new code for ever: what is compiled stays bounded, the machine goes on, and what is stale goes. */
import {describe, expect, it} from 'vitest';
import type {Machine} from '../../../src/engine/machine.js';
import {buildGuest, createMachine} from '../../support/bare-guest.js';
import {defaultRegionSettings} from '../../support/tier.js';

const WAIT = {timeout: 100_000, interval: 20};
const LIMIT_MS = 250_000;
const PAGES = 1024;

/**
 * Writes a loop into one page after the other, each with a step of its own, makes it visible and runs it. Stops when told
 * to (1): writes zeros over all of it, says so, waits to be told again (2), and ends with how many results were wrong.
 */
const MAKER = `
    li s0, 0x81000000
    li s1, 0
    li s2, 0
    la s3, template
    la s4, told
    la s7, made
    la s8, cleared
  next:
    andi t0, s1, ${PAGES - 1}
    slli t0, t0, 12
    add s5, s0, t0
    slli t0, s1, 3
    sub t0, t0, s1
    addi t0, t0, 1
    andi s6, t0, 1023
    slli t2, s6, 20
    lw t1, 0(s3)
    add t1, t1, t2
    sw t1, 0(s5)
    lw t1, 4(s3)
    sw t1, 4(s5)
    lw t1, 8(s3)
    sw t1, 8(s5)
    lw t1, 12(s3)
    sw t1, 12(s5)
    fence.i
    li a0, 0
    li a1, 2000
    jalr ra, 0(s5)
    li t0, 2000
    mul t0, t0, s6
    beq a0, t0, right
    addi s2, s2, 1
  right:
    addi s1, s1, 1
    sd s1, 0(s7)
    lw t0, 0(s4)
    beqz t0, next
    li t0, ${PAGES}
    mv t1, s0
    li t2, 4096
  clear:
    sw zero, 0(t1)
    add t1, t1, t2
    addi t0, t0, -1
    bnez t0, clear
    fence.i
    li t0, 1
    sd t0, 0(s8)
    li t1, 2
  wait:
    lw t0, 0(s4)
    bne t0, t1, wait
    save s2
    pass
    .balign 8
  template:
    addi a0, a0, 0
    addi a1, a1, -1
    bnez a1, template
    ret
    .balign 8
  told: .dword 0
  made: .dword 0
  cleared: .dword 0`;

interface Bounds {
  readonly maxRegions: number;
  readonly maxBytes: number;
}

/** A sample of what a machine has compiled, which must be within its bounds. */
function sample(machine: Machine, bounds: Bounds): {readonly regions: number; readonly bytes: number} {
  const {regions = -1, compiledBytes = -1} = machine.counters();
  expect(regions).toBeGreaterThanOrEqual(0);
  expect(regions).toBeLessThanOrEqual(bounds.maxRegions);
  expect(compiledBytes).toBeLessThanOrEqual(bounds.maxBytes);
  return {regions, bytes: compiledBytes};
}

describe('a guest that makes code for ever', () => {
  it.each([
    {hartCount: 1, bounds: {maxRegions: 100, maxBytes: 2 ** 24}},
    {hartCount: 2, bounds: {maxRegions: 8000, maxBytes: 2 ** 16}},
  ])(
    'holds no more compiled than it may, goes on, and gives it back: $hartCount harts, $bounds',
    async ({hartCount, bounds}) => {
      const text = hartCount === 1 ? MAKER : `csrr t0, mhartid\nidle: bnez t0, idle\n${MAKER}`;
      const regions = {...defaultRegionSettings, ...bounds, maxOps: 64, hotThreshold: 3};
      const guest = {text, hartCount, memoryBytes: 32 << 20, tier: {tier: 'auto', regions} as const};
      const {elf, addressOf} = buildGuest(guest);
      await using machine = await createMachine(guest, elf);
      const at = (label: string) => Number(addressOf(label)) - machine.memory.baseAddress;
      const read = (label: string) => Number(machine.memory.view.getBigUint64(at(label), true));
      const tell = (word: number) => machine.memory.view.setUint32(at('told'), word, true);
      machine.start();
      const share = () => {
        const {regions: count, bytes} = sample(machine, bounds);
        return Math.max(count / bounds.maxRegions, bytes / bounds.maxBytes);
      };
      // As full as batches leave it; then twice round the ring.
      await expect.poll(share, WAIT).toBeGreaterThan(0.4);
      const made = read('made');
      await expect.poll(() => share() >= 0 && read('made'), WAIT).toBeGreaterThan(made + 2 * PAGES);
      tell(1);
      await expect.poll(() => share() >= 0 && read('cleared'), WAIT).toBe(1);
      // What is left is the loops that still run.
      await expect.poll(share, WAIT).toBeLessThan(0.3);
      tell(2);
      expect(await machine.exited).toEqual({kind: 'poweroff', status: 0});
      expect(machine.memory.view.getBigUint64(0x10_4000, true)).toBe(0n);
      expect(machine.counters().compilerFault).toBeUndefined();
    },
    LIMIT_MS,
  );
});
