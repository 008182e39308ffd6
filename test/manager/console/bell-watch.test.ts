import {expect, test} from 'vitest';
import {BellWatch} from '../../../src/manager/console/bell-watch.js';

/** Whether a bell rang in each of the pieces. */
function rings(...pieces: string[]): boolean[] {
  const watch = new BellWatch();
  return pieces.map((piece) => watch.feed(Buffer.from(piece, 'latin1')));
}

test('a bell in text rings, and each piece counts for itself', () => {
  expect(rings('a\x07b', 'none', '\x07')).toEqual([true, false, true]);
});

test('the BEL that ends a title or another string is none, in whatever pieces it comes', () => {
  expect(rings('\x1b]0;title\x07$ ')).toEqual([false]);
  expect(rings('\x1b', ']0;ti', 'tle\x07', '\x07')).toEqual([false, false, false, true]);
  expect(rings('\x1bPq#0\x07', 'x\x07')).toEqual([false, true]);
});

test('a string that was ended otherwise no longer hides bells', () => {
  expect(rings('\x1b]0;title\x1b\\', '\x07')).toEqual([false, true]);
  expect(rings('\x1b]0;title\x18\x07')).toEqual([true]);
  expect(rings('\x1b]0;title', '\x1b[31m', '\x07')).toEqual([false, false, true]);
});

test('text that only looks like a string hides nothing', () => {
  expect(rings('a]b\x07', '\x1b[m]\x07')).toEqual([true, true]);
});
