import * as fc from 'fast-check';
import {expect, test} from 'vitest';
import {ARRANGEMENTS, computeLayout, WALL_CONSOLES} from '../../../src/tui/state/layout.js';

const plain = {focus: 'list', arrangement: 'split', listWidth: undefined, wallCount: 0} as const;

test('the default screen gives the guest 80×30', () => {
  expect(computeLayout({...plain, size: {columns: 120, rows: 35}}).content).toEqual({
    x: 39,
    y: 3,
    width: 80,
    height: 30,
  });
});

test('every rectangle lies on the screen, whatever its size', () => {
  const focus = fc.constantFrom('list', 'console', 'fullscreen');
  const arrangements = fc.constantFrom(...ARRANGEMENTS);
  const [columnCounts, rowCounts] = [fc.integer({min: 20, max: 300}), fc.integer({min: 12, max: 100})];
  const widths = fc.option(fc.integer({min: -5, max: 400}), {nil: undefined});
  const counts = fc.integer({min: 0, max: 40});
  fc.assert(
    fc.property(columnCounts, rowCounts, focus, arrangements, widths, counts, (columns, rows, on, ...rest) => {
      const [arrangement, listWidth, wallCount] = rest;
      const size = {columns, rows};
      const {list, pane, content, wall} = computeLayout({size, focus: on as 'list', arrangement, listWidth, wallCount});
      for (const rect of [list, pane, content, ...wall]) {
        if (!rect) continue;
        expect(rect.x + rect.width).toBeLessThanOrEqual(columns);
        expect(rect.y + rect.height).toBeLessThanOrEqual(rows);
        expect(Math.min(rect.width, rect.height)).toBeGreaterThan(0);
      }
      if (list && pane) expect(list.width + pane.width).toBe(columns);
      const cells = wall.reduce((sum, {width, height}) => sum + width * height, 0);
      if (wall.length > 0) expect(cells).toBe(columns * (rows - 2));
      expect(wall.length).toBeLessThanOrEqual(WALL_CONSOLES);
    }),
  );
});
