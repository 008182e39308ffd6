import * as fc from 'fast-check';
import {expect, test} from 'vitest';
import {computeLayout} from '../../../src/tui/state/layout.js';

test('the default screen gives the guest 80×30', () => {
  expect(computeLayout({columns: 120, rows: 35}, 'list').content).toEqual({x: 39, y: 3, width: 80, height: 30});
});

test('every rectangle lies on the screen, whatever its size', () => {
  const focus = fc.constantFrom('list', 'console', 'fullscreen');
  fc.assert(
    fc.property(fc.integer({min: 20, max: 300}), fc.integer({min: 6, max: 100}), focus, (columns, rows, on) => {
      const {list, pane, content} = computeLayout({columns, rows}, on as 'list');
      for (const rect of [list, pane, content]) {
        if (!rect) continue;
        expect(rect.x + rect.width).toBeLessThanOrEqual(columns);
        expect(rect.y + rect.height).toBeLessThanOrEqual(rows);
        expect(Math.min(rect.width, rect.height)).toBeGreaterThan(0);
      }
      if (list && pane) expect(list.width + pane.width).toBe(columns);
    }),
  );
});
