import {afterEach, beforeEach, expect, test, vi} from 'vitest';
import {MAX_SPEED, MIN_SPEED, PlayClock} from '../../../src/tui/casts/play-clock.js';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** Whether the clock got there, told when it is known. */
function waited(clock: PlayClock, at: number, signal = new AbortController().signal): {result: boolean | undefined} {
  const wait: {result: boolean | undefined} = {result: undefined};
  void clock.until(at, signal).then((result) => {
    wait.result = result;
  });
  return wait;
}

test('goes at its speed, and at another from then on', async () => {
  const clock = new PlayClock(2);
  await vi.advanceTimersByTimeAsync(100);
  expect(clock.at).toBe(200);
  clock.setSpeed(1);
  await vi.advanceTimersByTimeAsync(100);
  expect(clock.at).toBe(300);
});

test('waits while it is paused, however long, and goes on', async () => {
  const clock = new PlayClock(1);
  const wait = waited(clock, 100);
  await vi.advanceTimersByTimeAsync(50);
  clock.setPaused(true);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(wait.result).toBeUndefined();
  clock.setPaused(false);
  await vi.advanceTimersByTimeAsync(49);
  expect(wait.result).toBeUndefined();
  await vi.advanceTimersByTimeAsync(1);
  expect(wait.result).toBe(true);
});

test('a jump ends what waits before it, and an abort everything', async () => {
  const clock = new PlayClock(1);
  const aborted = new AbortController();
  const waits = [waited(clock, 4000), waited(clock, 9000, aborted.signal)];
  clock.skip(5000);
  await vi.advanceTimersByTimeAsync(0);
  expect(waits.map(({result}) => result)).toEqual([true, undefined]);
  aborted.abort();
  await vi.advanceTimersByTimeAsync(0);
  expect(waits[1]?.result).toBe(false);
});

test('a pause of years is waited for, not skipped', async () => {
  const clock = new PlayClock(1);
  const wait = waited(clock, 1e12);
  await vi.advanceTimersByTimeAsync(3e9);
  expect(wait.result).toBeUndefined();
});

test('speeds have bounds', () => {
  expect(new PlayClock(1000).speed).toBe(MAX_SPEED);
  expect(new PlayClock(0).speed).toBe(MIN_SPEED);
});
