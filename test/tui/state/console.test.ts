import {describe, expect, test} from 'vitest';
import {type ConsoleNews, INITIAL_CONSOLE, reduceConsole} from '../../../src/tui/state/console.js';
import {activityBadge} from '../../../src/tui/state/presenters/lookback.js';

const active = (endOffset: number, hasBell = false, ...shownIds: string[]): ConsoleNews => ({
  type: 'active',
  consoles: [{machineId: 'one', endOffset, hasBell}],
  shownIds,
});

const stateAfter = (...news: readonly ConsoleNews[]) => news.reduce(reduceConsole, INITIAL_CONSOLE);

describe('activity', () => {
  test('marks a console that is not shown, and being shown takes the mark away', () => {
    expect(activityBadge(stateAfter(active(10)), 'one')).toBe('·');
    expect(activityBadge(stateAfter(active(10), {type: 'seen', machineId: 'one'}), 'one')).toBe(' ');
    expect(activityBadge(stateAfter(active(10, true, 'one')), 'one')).toBe(' ');
  });

  test('a bell counts for more than what is printed after it', () => {
    expect(activityBadge(stateAfter(active(10, true), active(20)), 'one')).toBe('!');
  });

  test('what was known before a daemon came back is not new', () => {
    const seen = stateAfter(active(10), {type: 'seen', machineId: 'one'});
    expect(reduceConsole(seen, active(10, true))).toBe(seen);
    expect(activityBadge(reduceConsole(seen, active(11)), 'one')).toBe('·');
  });

  test('what was there before the UI is not new', () => {
    const known = stateAfter({type: 'known', consoles: [{machineId: 'one', endOffset: 10, hasBell: false}]});
    expect(reduceConsole(known, active(10))).toBe(known);
    expect(activityBadge(reduceConsole(known, active(11)), 'one')).toBe('·');
  });

  test('a machine that was removed leaves nothing', () => {
    const gone = stateAfter(active(10), {type: 'removed', machineId: 'one'});
    expect([gone.unseen.size, gone.offsets.size]).toEqual([0, 0]);
  });
});
