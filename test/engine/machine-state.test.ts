import {describe, expect, it} from 'vitest';
import type {Machine} from '../../src/engine/machine.js';
import type {MachineState} from '../../src/engine/machine-state.js';
import {buildGuest, createMachine, type Guest} from '../support/bare-guest.js';
import {runBare} from '../support/bare-machine.js';
import {createSaved, moveMachine} from '../support/moved-machine.js';
import {testTier} from '../support/tier.js';
import {randomProgram} from './oracle/generator.js';

/** Where everything is compiled at once, each move compiles everything again. */
const MOVES = testTier().tier === 'regions' ? 3 : 8;
const ROUNDS = 20;

const counting = (body: string, hartCount = 1): Guest => ({
  hartCount,
  text: `${body}\n.balign 64\ncount: .dword 0\nticks: .dword 0`,
});
const busy = counting(
  'la s0, count\nagain: ld s1, 0(s0)\naddi s1, s1, 1\nsd s1, 0(s0)\ncsrr s2, time\nsd s2, 8(s0)\nj again',
);
const asleep = counting(`
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

async function start(guest: Guest) {
  const {elf, addressOf} = buildGuest(guest);
  const machine = await createMachine(guest, elf);
  machine.start();
  return {
    machine,
    word: (of: Machine, label: string) =>
      of.memory.view.getBigUint64(Number(addressOf(label)) - of.memory.baseAddress, true),
  };
}

/** Resolves when the machine has retired this many instructions more, or (true) has ended. */
async function advance(machine: Machine, instructions: number): Promise<boolean> {
  const from = machine.counters().instructions;
  let isEnded = false;
  void machine.exited.then(() => {
    isEnded = true;
  });
  while (!isEnded && machine.counters().instructions < from + instructions)
    await new Promise((resolve) => setTimeout(resolve, 1));
  return isEnded;
}

describe('a saved machine', () => {
  it.each([
    ['that computes', busy],
    ['that sleeps between timer interrupts', asleep],
  ])('%s goes on in another', async (_, guest) => {
    const {machine, word} = await start(guest);
    let moved = machine;
    for (let move = 0; move < 3; move++) {
      await advance(moved, 1000);
      await moved.pause();
      const [count, ticks] = [word(moved, 'count'), word(moved, 'ticks')];
      expect(count).toBeGreaterThan(0n);
      moved = await moveMachine(moved);
      expect(word(moved, 'count')).toBe(count);
      moved.start();
      await advance(moved, 1000);
      expect(word(moved, 'count')).toBeGreaterThan(count);
      expect(word(moved, 'ticks')).toBeGreaterThanOrEqual(ticks);
    }
    await moved[Symbol.asyncDispose]();
  });

  it.each([
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ])(
    'ends with the results of one that stayed, address space in use: %s, RAM read late: %s',
    async (isPaged, isLate) => {
      const {program} = randomProgram(77, {blocks: 15, units: 30, turns: 100, rounds: ROUNDS});
      const stayed = await runBare(program, {isPaged});
      let moves = 0;
      const moved = await runBare(program, {
        isPaged,
        onStarted: async (machine) => {
          // The first at once: on a starved host the program may be over before the next.
          const isEnded = moves > 0 && (await advance(machine, stayed.instructions / (MOVES + 1)));
          await machine.pause();
          if (moves === MOVES || isEnded || machine.hasEnded) {
            machine.resume();
            return undefined;
          }
          moves++;
          return await moveMachine(machine, undefined, isLate);
        },
      });
      expect(moves).toBeGreaterThan(0);
      expect(moved.exit).toEqual(stayed.exit);
      expect(moved.instructions).toBe(stayed.instructions);
      expect(Buffer.compare(moved.results, stayed.results)).toBe(0);
    },
  );

  it('is not taken by a machine that differs', async () => {
    const {machine} = await start(busy);
    await machine.pause();
    const state = machine.save();
    await machine[Symbol.asyncDispose]();
    const wrong: Partial<MachineState>[] = [
      {memoryBytes: state.memoryBytes * 2},
      {devices: state.devices.slice(1)},
      {devices: state.devices.map((device) => ({...device, registers: device.registers.slice(4)}))},
      {harts: [...state.harts, ...state.harts]},
      {harts: state.harts.map((hart) => ({...hart, privilege: 2}))},
      {harts: state.harts.map((hart) => ({...hart, pc: 'x'}))},
      {harts: state.harts.map((hart) => ({...hart, csrs: {satp: 'f000000000000000'}}))},
      {clockNs: -1},
    ];
    for (const change of wrong) {
      const taken = createSaved({...state, ...change}, undefined, state, 1);
      // One that was taken is to end, so that the test fails rather than hangs.
      taken.then((other) => other[Symbol.asyncDispose]()).catch(() => undefined);
      await expect(taken, JSON.stringify(Object.keys(change))).rejects.toMatchObject({code: 'bad-state'});
    }
  });
});
