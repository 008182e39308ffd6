import {EventEmitter} from 'node:events';
import {afterEach, beforeEach, expect, test, vi} from 'vitest';
import type {InputEvent} from '../../../src/tui/terminal/key-decoder.js';
import {ESC_TIMEOUT_MS, StdinRouter} from '../../../src/tui/terminal/stdin-router.js';

let source: EventEmitter;
let events: string[];
let sent: string;
let detachedCount: number;
let router: StdinRouter;
let commanded: (letter: string) => void;

beforeEach(() => {
  vi.useFakeTimers();
  source = new EventEmitter();
  events = [];
  sent = '';
  detachedCount = 0;
  commanded = (letter) => events.push(`command ${letter}`);
  router = new StdinRouter(source, (event: InputEvent) => events.push(event.kind === 'key' ? event.key : event.kind));
});
afterEach(() => {
  router[Symbol.dispose]();
  vi.useRealTimers();
});

const type = (text: string) => source.emit('data', Buffer.from(text, 'latin1'));
const enter = () =>
  router.enterConsole({
    send: (bytes) => {
      sent += Buffer.from(bytes).toString('latin1');
    },
    detached: () => {
      detachedCount++;
    },
    command: (letter) => commanded(letter),
    scrolled: (by) => events.push(`scroll ${by}`),
    mouse: ({action, x, y}) => events.push(`${action} ${x} ${y}`),
    pasted: (bytes) => events.push(`paste ${bytes && Buffer.from(bytes).toString()}`),
  });

test('a lone ESC is a key after the timeout, not before', () => {
  type('\x1b');
  vi.advanceTimersByTime(ESC_TIMEOUT_MS - 1);
  expect(events).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(events).toEqual(['esc']);
});

test('ESC and the rest of a sequence within the timeout are one key', () => {
  type('\x1b');
  vi.advanceTimersByTime(ESC_TIMEOUT_MS - 5);
  type('[A');
  vi.advanceTimersByTime(1000);
  expect(events).toEqual(['up']);
});

test('in a console every byte goes to the guest unchanged', () => {
  enter();
  type('q\x1b[A\xff\x03');
  expect(sent).toBe('q\x1b[A\xff\x03');
  expect(events).toEqual([]);
});

test('a single Ctrl-] detaches after a moment', () => {
  enter();
  type('\x1d');
  expect(detachedCount).toBe(0);
  vi.advanceTimersByTime(1000);
  expect(detachedCount).toBe(1);
  type('j');
  expect(events).toEqual(['j']);
});

test('a key right behind Ctrl-] is a key of the list', () => {
  enter();
  type('\x1dp');
  expect([detachedCount, events, sent]).toEqual([1, ['p'], '']);
});

test('what is typed right behind the key that opens a console is the guest’s', () => {
  router[Symbol.dispose]();
  router = new StdinRouter(source, () => enter());
  type('\rls\x1b[A\xff\r\x1dj');
  expect([sent, detachedCount]).toEqual(['ls\x1b[A\xff\r', 1]);
});

test('disposed, it listens no more', () => {
  router[Symbol.dispose]();
  expect(source.listenerCount('data')).toBe(0);
});
