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

test('chords, scrolling, the mouse and pastes are not the guest’s', () => {
  enter();
  type('ls\r~/');
  type('a\x1b[5;2~b\x1b[<65;3;4M\x1b[200~two\rlines\x1b[201~c');
  expect(sent).toBe('ls\rabc');
  expect(events).toEqual(['command /', 'scroll -1', 'wheel-down 2 3', 'paste two\rlines']);
});

test('a chord inside a paste is text', () => {
  enter();
  type('\r\x1b[200~~.\x1b[201~');
  expect(detachedCount).toBe(0);
  expect(events).toEqual(['paste ~.']);
});

test('a ~ that a paste follows is sent before it', () => {
  enter();
  type('\r~\x1b[200~x\x1b[201~');
  expect(sent).toBe('\r~');
});

test('what is typed behind a command that takes the keyboard is keys', () => {
  enter();
  commanded = () => router.leaveConsole();
  type('\r~/abc\x1b[A');
  expect(sent).toBe('\r');
  expect(events).toEqual(['a', 'b', 'c', 'up']);
});

test('a lone ESC reaches the guest after the timeout', () => {
  enter();
  type('\x1b');
  expect(sent).toBe('');
  vi.advanceTimersByTime(ESC_TIMEOUT_MS);
  expect(sent).toBe('\x1b');
});

test('Ctrl-] and then a sequence leaves', () => {
  enter();
  type('\x1d\x1b[5;2~');
  expect(detachedCount).toBe(1);
  expect(sent).toBe('');
});
