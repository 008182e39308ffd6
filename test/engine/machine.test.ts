import {describe, expect, it} from 'vitest';
import {Machine} from '../../src/engine/machine.js';
import {platformModels, standardPlatform} from '../../src/engine/platform/standard-platform.js';
import {buildGuest, createMachine, type Guest, runGuest} from '../support/bare-guest.js';
import {testTier} from '../support/tier.js';

const tohost = `
  .balign 8
  tohost: .dword 0
  .zero 56`;

/** A guest that shows it is alive: counts in memory at the label `count`. */
const counting = (body: string): Guest => ({text: `${body}\n.balign 64\ncount: .dword 0\nticks: .dword 0`});
const busy = counting(
  'la s0, count\nagain: ld s1, 0(s0)\naddi s1, s1, 1\nsd s1, 0(s0)\ncsrr s2, time\nsd s2, 8(s0)\nj again',
);
const napping = counting(`
  la s0, count
  li s3, 0x2004000
  li t0, 0x80
  csrs mie, t0
  again: csrr s1, time
  sd s1, 8(s0)
  addi s1, s1, 200
  sd s1, 0(s3)
  wfi
  ld s1, 0(s0)
  addi s1, s1, 1
  sd s1, 0(s0)
  j again`);
const ticking = counting(`
  la t0, handler
  csrw mtvec, t0
  la s0, count
  li s3, 0x2004000
  li t0, 0x80
  csrs mie, t0
  csrr s1, time
  sd s1, 0(s3)
  csrsi mstatus, 8
  again: j again
  .balign 4
  handler: ld s1, 0(s0)
  addi s1, s1, 1
  sd s1, 0(s0)
  csrr s1, time
  addi s1, s1, 200
  sd s1, 0(s3)
  mret`);
const asleep = counting('la s0, count\nli s1, 1\nsd s1, 0(s0)\nagain: wfi\nj again');
const faulting = counting('la s0, count\nli s1, 1\nsd s1, 0(s0)\nli t0, 0x7000\ncsrw mtvec, t0\necall');
const illegal = counting(
  'la s0, count\nli s1, 1\nsd s1, 0(s0)\nla t0, bad\ncsrw mtvec, t0\necall\n.balign 4\nbad: .word 0',
);
const calling = counting('la s0, count\nli s1, 1\nsd s1, 0(s0)\nla t0, self\ncsrw mtvec, t0\n.balign 4\nself: ecall');
const straight = counting(`la s0, count\nli s1, 1\nsd s1, 0(s0)\nagain:\n${'nop\n'.repeat(6000)}la t0, again\njr t0`);

/** Waits until the guest's word at a label satisfies a condition; the test's time limit ends a wait in vain. */
async function until(read: () => bigint, isReached: (value: bigint) => boolean): Promise<bigint> {
  for (;;) {
    const value = read();
    if (isReached(value)) return value;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function start(guest: Guest) {
  const {elf, addressOf} = buildGuest(guest);
  const machine = await createMachine(guest, elf);
  const word = (label: string) => () =>
    machine.memory.view.getBigUint64(Number(addressOf(label)) - machine.memory.baseAddress, true);
  return {machine, count: word('count'), ticks: word('ticks')};
}

const threads = () =>
  process.getActiveResourcesInfo().filter((name) => name === 'Worker' || name === 'MessagePort').length;

describe('a machine', () => {
  it.each([
    ['busy', busy],
    ['in and out of WFI', napping],
    ['asleep', asleep],
    ['trapping for ever at an unmapped vector', faulting],
    ['trapping for ever at an illegal instruction', illegal],
    ['trapping for ever at an environment call', calling],
    ['without a loop inside a page', straight],
  ])('that is %s pauses, stands still, resumes and is disposed', async (_name, guest) => {
    const {machine, count, ticks} = await start(guest);
    await using _ = machine;
    machine.start();
    await until(count, (value) => value > 0n);
    await machine.pause();
    const before = [count(), ticks(), machine.counters().instructions];
    // Another pause while paused changes nothing.
    await machine.pause();
    expect([count(), ticks(), machine.counters().instructions]).toEqual(before);
    machine.resume();
    if (guest === busy || guest === napping) await until(count, (value) => value > before[0]!);
    await machine.pause();
    machine.resume();
  });

  it('counts the interrupts that its harts take, and what each hart does', async () => {
    const {machine, count} = await start(ticking);
    await using _ = machine;
    machine.start();
    await until(count, (value) => value > 20n);
    await machine.pause();
    const {interrupts, harts, instructions, activeNs} = machine.counters();
    // The guest counts each one a few instructions after it was taken.
    expect(interrupts - Number(count())).toBeOneOf([0, 1]);
    expect(harts).toEqual([{instructions, activeNs}]);
  });

  it('keeps its clock still while it is paused and goes on where it stood', async () => {
    const {machine, ticks} = await start(busy);
    await using _ = machine;
    machine.start();
    await until(ticks, (value) => value > 0n);
    await machine.pause();
    const stopped = ticks();
    const began = performance.now();
    // Host time passes: work, not sleep, so that the clock has something to get wrong.
    while (performance.now() - began < 300);
    const before = performance.now();
    machine.resume();
    const resumed = await until(ticks, (value) => value > stopped);
    // Guest time may only be what passed since, and what the guest had not looked at before the pause.
    expect(Number(resumed - stopped) / 1e4).toBeLessThan(performance.now() - before + 200);
  });

  it('whose pause is overtaken by a resume keeps its time running', async () => {
    const {machine, ticks} = await start(busy);
    await using _ = machine;
    machine.start();
    await until(ticks, (value) => value > 0n);
    for (let i = 0; i < 20; i++) {
      const paused = machine.pause();
      machine.resume();
      await paused;
    }
    // More than one step: the first may only catch up with the moment the clock was last looked at.
    let last = ticks();
    for (let i = 0; i < 3; i++) {
      const before = last;
      last = await until(ticks, (value) => value > before + 1000n);
    }
  });

  it('never started, just started or ended is disposed without a thread left', async () => {
    const before = threads();
    {
      await using _ = (await start(busy)).machine;
    }
    {
      const {machine} = await start(busy);
      await using _ = machine;
      machine.start();
    }
    {
      const {machine} = await start({text: 'pass\ncount: .dword 0\nticks: .dword 0'});
      await using _ = machine;
      machine.start();
      await machine.exited;
      await machine.pause();
      machine.resume();
    }
    {
      const {machine} = await start(asleep);
      await using _ = machine;
      machine.start();
      const paused = machine.pause();
      await machine[Symbol.asyncDispose]();
      await paused;
    }
    expect(threads()).toBe(before);
  });

  it('whose hart thread fails is crashed, with the reason and the pc', async () => {
    const {elf, addressOf} = buildGuest({text: 'nop\nat: .word 0\npass'});
    const entry = new URL('../../dist/engine-hart.js', import.meta.url).href;
    const broken = `
      const {Instance} = WebAssembly;
      WebAssembly.Instance = function (module, imports) {
        imports.env.illegal = () => { throw new Error('broken on purpose'); };
        return new Instance(module, imports);
      };
      import(${JSON.stringify(entry)});`;
    await using machine = await Machine.create(
      {
        memoryBytes: 16 * 1024 ** 2,
        hartCount: 1,
        ...testTier(),
        boot: {kind: 'firmware', elf},
        devices: standardPlatform(),
      },
      {
        compilerWorker: new URL('../../dist/compiler.js', import.meta.url),
        hartWorker: new URL(`data:text/javascript,${encodeURIComponent(broken)}`),
        models: platformModels,
      },
    );
    machine.start();
    expect(await machine.exited).toMatchObject({
      kind: 'crashed',
      hart: 0,
      reason: expect.stringContaining('broken on purpose'),
      pc: addressOf('at'),
    });
  });
});

describe('the exit of a machine', () => {
  it.each([
    ['li t1, 0x5555\nsw t1, 0(t0)', {kind: 'poweroff', status: 0}],
    ['li t1, 0x73333\nsw t1, 0(t0)', {kind: 'poweroff', status: 7}],
    ['li t1, 0x3333\nsh t1, 0(t0)', {kind: 'poweroff', status: 0}],
    ['li t1, 0x7777\nsw t1, 0(t0)', {kind: 'reboot'}],
  ])('follows the test finisher: %s', async (body, exit) => {
    const run = await runGuest({text: `li t0, 0x100000\n${body}\nspin: j spin`});
    expect(run.exit).toEqual(exit);
  });

  it.each([
    ['li t1, 1\nsd t1, 0(t0)', 0],
    ['li t1, 1\nsw t1, 0(t0)', 0],
    ['li t1, 675\nsd t1, 0(t0)', 337],
    ['la t1, exit_call\nsd t1, 0(t0)', 5],
  ])('follows HTIF: %s', async (body, status) => {
    const run = await runGuest({
      text: `la t0, tohost\n${body}\nspin: j spin\n.balign 64\nexit_call: .dword 93\n.dword 5\n.dword 0\n.dword 0\n.zero 32${tohost}`,
    });
    expect(run.exit).toEqual({kind: 'poweroff', status});
  });

  it('leaves tohost zero after a character, and the exact instruction count', async () => {
    const run = await runGuest({
      text: `la t0, tohost
        li t1, 0x0101000000000041
        sd t1, 0(t0)
        ld s0, 0(t0)
        save s0
        csrr s1, instret
        save s1
        li t1, 1
        sd t1, 0(t0)
        spin: j spin${tohost}`,
    });
    expect(run.values[0]).toBe(0n);
    expect(BigInt(run.instructions)).toBeGreaterThan(run.values[1]!);
  });
});
