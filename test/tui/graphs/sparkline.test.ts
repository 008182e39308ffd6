import {expect, test} from 'vitest';
import {sparkline} from '../../../src/tui/graphs/sparkline.js';

test('braille shows two values a cell, the newest at the right', () => {
  expect(sparkline([0, 0, 0, 100], 2, 100, 'braille')).toBe(' ⢸');
  expect(sparkline([100, 0], 1, 100, 'braille')).toBe('⡇');
  expect(sparkline([100, 100], 2, 100, 'braille')).toBe(' ⣿');
});

test('blocks and ASCII show one value a cell', () => {
  expect(sparkline([0, 50, 100], 3, 100, 'block')).toBe(' ▄█');
  expect(sparkline([0, 50, 100], 3, 100, 'ascii')).toBe(' =#');
});

test('little differs from nothing, and too much is full', () => {
  expect(sparkline([0.1], 1, 100, 'block')).toBe('▁');
  expect(sparkline([900], 1, 100, 'block')).toBe('█');
  expect(sparkline([Number.NaN, -5], 2, 100, 'block')).toBe('  ');
});

test('always has the asked width', () => {
  for (const width of [0, 1, 7]) expect([...sparkline([1, 2, 3], width, 3, 'braille')]).toHaveLength(width);
});
