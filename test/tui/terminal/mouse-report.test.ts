import {expect, test} from 'vitest';
import type {MouseEvent} from '../../../src/tui/terminal/key-decoder.js';
import {encodeMouse, type MouseTracking} from '../../../src/tui/terminal/mouse-report.js';

const event = (action: MouseEvent['action'], changes: Partial<MouseEvent> = {}): MouseEvent => ({
  kind: 'mouse',
  action,
  button: 0,
  x: 4,
  y: 1,
  ...changes,
});

function encoded(one: MouseEvent, tracking: MouseTracking, isSgr = true): string | undefined {
  const bytes = encodeMouse(one, tracking, isSgr);
  return bytes && Buffer.from(bytes).toString('latin1');
}

test('reports have the form that the program asked for', () => {
  expect(encoded(event('press'), 'vt200')).toBe('\x1b[<0;5;2M');
  expect(encoded(event('release', {button: 2}), 'vt200')).toBe('\x1b[<2;5;2m');
  expect(encoded(event('wheel-down'), 'vt200')).toBe('\x1b[<65;5;2M');
  expect(encoded(event('press'), 'vt200', false)).toBe('\x1b[M %"');
  expect(encoded(event('release'), 'vt200', false)).toBe('\x1b[M#%"');
});

test('only what was asked for is reported', () => {
  expect(encoded(event('press'), 'none')).toBeUndefined();
  expect(encoded(event('release'), 'x10')).toBeUndefined();
  expect(encoded(event('move'), 'vt200')).toBeUndefined();
  expect(encoded(event('move', {button: 3}), 'drag')).toBeUndefined();
  expect(encoded(event('move'), 'drag')).toBe('\x1b[<32;5;2M');
  expect(encoded(event('move', {button: 3}), 'any')).toBe('\x1b[<35;5;2M');
});

test('cells beyond what a byte can say are left out in the old form', () => {
  expect(encoded(event('press', {x: 222}), 'vt200', false)).toBeDefined();
  expect(encoded(event('press', {x: 223}), 'vt200', false)).toBeUndefined();
});
