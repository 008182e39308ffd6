import {expect, test} from 'vitest';
import {editDistance, nearNames} from '../../../src/tui/cli/near-names.js';

test.each([
  ['', 'abc', 3],
  ['web-1', 'web-1', 0],
  ['wbe-1', 'web-1', 1],
  ['web1', 'web-1', 1],
  ['kitten', 'sitting', 3],
])('%j and %j are %i apart', (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance);
  expect(editDistance(b, a)).toBe(distance);
});

test('names nearby come nearest first, others not at all', () => {
  expect(nearNames('debain-mini', ['debian', 'debian-mini', 'alpine'])).toEqual(['debian-mini']);
  expect(nearNames('web', ['web-1', 'db'])).toEqual(['web-1']);
  expect(nearNames('x', ['web-1', 'db'])).toEqual([]);
});
