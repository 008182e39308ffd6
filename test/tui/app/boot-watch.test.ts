import {afterEach, beforeEach, describe, expect, test, vi} from 'vitest';
import {BootWatch} from '../../../src/tui/app/boot-watch.js';
import {BOOT_TOLD_MS} from '../../../src/tui/state/boot-stage.js';
import type {AppEvent} from '../../../src/tui/state/events.js';
import {initialState} from '../../../src/tui/state/model.js';
import {reduce} from '../../../src/tui/state/reducer.js';
import {fakeMachine} from '../../support/fake-fleet.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const KERNEL = '[    1.203344] Freeing unused kernel image';

function watched() {
  let state = initialState({columns: 80, rows: 24}, 0);
  const events: AppEvent[] = [];
  let lines: readonly string[] = [KERNEL];
  let looks = 0;
  const watch = new BootWatch({
    lines: () => {
      looks++;
      return lines;
    },
    getState: () => state,
    dispatch: (event) => {
      events.push(event);
      state = reduce(state, event);
    },
  });
  return {
    watch,
    events,
    print: (...printed: string[]) => {
      lines = printed;
      watch.printed();
    },
    get looks() {
      return looks;
    },
    get stage() {
      return state.boot?.stage;
    },
  };
}

describe('the watch of a boot', () => {
  test('looks at most twice a second, however much is printed', () => {
    const boot = watched();
    boot.watch.follow(fakeMachine('a', 'running'));
    for (let printed = 0; printed < 1000; printed++) {
      boot.print(KERNEL);
      vi.advanceTimersByTime(10);
    }
    expect(boot.looks).toBeGreaterThanOrEqual(19);
    expect(boot.looks).toBeLessThanOrEqual(21);
    expect(boot.events).toHaveLength(1);
  });

  test('keeps the stage while nothing tells, and is over once the guest has arrived, whatever it prints then', () => {
    const boot = watched();
    boot.watch.follow(fakeMachine('a', 'running'));
    vi.advanceTimersByTime(500);
    expect(boot.stage).toBe('kernel');
    boot.print('some other line');
    vi.advanceTimersByTime(500);
    expect(boot.stage).toBe('kernel');
    boot.print('a login: ');
    vi.advanceTimersByTime(500);
    expect(boot.stage).toBeUndefined();
    const {looks} = boot;
    boot.print(KERNEL);
    vi.advanceTimersByTime(500);
    expect(boot.looks).toBe(looks);
  });

  test('is over once a program prints, often or seldom', () => {
    for (const everyMs of [100, 1500]) {
      const boot = watched();
      boot.watch.follow(fakeMachine('a', 'running'));
      vi.advanceTimersByTime(500);
      for (let passedMs = 0; passedMs < 6500; passedMs += everyMs) {
        if (passedMs < 4000) expect(boot.stage).toBe('kernel');
        boot.print('what a program prints');
        vi.advanceTimersByTime(everyMs);
      }
      expect(boot.stage).toBeUndefined();
    }
  });

  test('begins anew with another start', () => {
    const boot = watched();
    boot.watch.follow(fakeMachine('a', 'running'));
    boot.print('~ # ');
    vi.advanceTimersByTime(500);
    boot.watch.follow(fakeMachine('a', 'running', {startedAtMs: Date.now() + 1}));
    boot.print(KERNEL);
    vi.advanceTimersByTime(500);
    expect(boot.stage).toBe('kernel');
  });

  test('does not look at a machine that is off, or has run for long', () => {
    const boot = watched();
    boot.watch.follow(fakeMachine('a', 'defined'));
    boot.print(KERNEL);
    boot.watch.follow(fakeMachine('b', 'running', {startedAtMs: Date.now() - BOOT_TOLD_MS}));
    boot.print(KERNEL);
    vi.advanceTimersByTime(1000);
    expect(boot.looks).toBe(0);
  });

  test('leaves no timer behind', () => {
    const boot = watched();
    boot.watch.follow(fakeMachine('a', 'running'));
    expect(vi.getTimerCount()).toBe(1);
    boot.watch[Symbol.dispose]();
    expect(vi.getTimerCount()).toBe(0);
  });
});
