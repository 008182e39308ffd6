import {availableParallelism} from 'node:os';
import {expect, it} from 'vitest';
import {Poll} from '../../../src/engine/memory/poll.js';

const newCells = () => new Int32Array(new SharedArrayBuffer(4));

/** A clock that goes on by a microsecond with each look at it, and by more when told. */
class FakeClock {
  nowNs = 0;
  readonly read = () => {
    this.nowNs += 1000;
    return this.nowNs;
  };
}

/** How long a look at a cell that nobody changes takes, in a wait of at least `waitNs`. */
function lookNs(poll: Poll, clock: FakeClock, waitNs: number): number {
  const began = clock.nowNs;
  expect(poll.look(newCells(), 0, 0)).toBe(false);
  const looked = clock.nowNs - began;
  clock.nowNs = Math.max(clock.nowNs, began + waitNs);
  poll.woken();
  return looked;
}

it('sees at once what has changed already', () => {
  const cells = newCells();
  Atomics.store(cells, 0, 1);
  expect(new Poll().look(cells, 0, 0)).toBe(true);
});

// On one processor it never looks for long.
it.runIf(availableParallelism() > 1)('looks longer while waits are short, and a look has a bound', () => {
  const clock = new FakeClock();
  const poll = new Poll(clock.read);
  const looks = Array.from({length: 12}, () => lookNs(poll, clock, 300_000));
  expect(looks[0]).toBeLessThan(5000);
  expect(looks[3]).toBeGreaterThan(looks[1]!);
  expect(looks.at(-1)).toBeLessThan(210_000);
});

it('takes one look at a time at waits that are long', () => {
  const clock = new FakeClock();
  const poll = new Poll(clock.read);
  for (let wait = 0; wait < 12; wait++) lookNs(poll, clock, 300_000);
  for (let wait = 0; wait < 12; wait++) lookNs(poll, clock, 5_000_000);
  expect(lookNs(poll, clock, 5_000_000)).toBeLessThan(5000);
});
