import {describe, expect, test} from 'vitest';
import {ConsoleInput, MAX_PASTE_BYTES} from '../../../src/tui/terminal/console-input.js';

/** What becomes of pieces of input; text stands for bytes. */
function tokens(...pieces: string[]): string[] {
  const input = new ConsoleInput();
  const found: string[] = [];
  const note = (kind: string, bytes: Uint8Array | undefined) =>
    found.push(`${kind} ${bytes === undefined ? 'too long' : JSON.stringify(Buffer.from(bytes).toString('latin1'))}`);
  for (const piece of pieces) {
    input.push(Buffer.from(piece, 'latin1'));
    for (let token = input.next(); token; token = input.next()) {
      if (token.kind === 'bytes' || token.kind === 'paste') note(token.kind, token.bytes);
      else if (token.kind === 'scroll') found.push(`scroll ${token.by}`);
      else found.push(`mouse ${token.event.action} ${token.event.x} ${token.event.y}`);
    }
  }
  if (input.isPending) note('pending', input.flush());
  return found;
}

test('other bytes pass as they came, escape sequences too', () => {
  expect(tokens('ab\x1b[A\xff\x1bOP')).toEqual(['bytes "ab"', 'bytes "\\u001b[A\xff"', 'bytes "\\u001bOP"']);
});

test('scroll keys, mouse reports and pastes are found in the midst of others', () => {
  expect(tokens('a\x1b[5;2~b\x1b[6;2~\x1b[<64;3;4M\x1b[200~p\x1b[A\x1b[201~c')).toEqual([
    ...['bytes "a"', 'scroll -1', 'bytes "b"', 'scroll 1', 'mouse wheel-up 2 3', 'paste "p\\u001b[A"', 'bytes "c"'],
  ]);
});

test('and in pieces of one byte', () => {
  expect(tokens(...'\x1b[5;2~\x1b[<0;1;1m\x1b[200~one\x1b[20two\x1b[201~')).toEqual([
    ...['scroll -1', 'mouse release 0 0', 'paste "one\\u001b[20two"'],
  ]);
});

test('what may be a head waits, and is given back when nothing follows', () => {
  expect(tokens('\x1b')).toEqual(['pending "\\u001b"']);
  expect(tokens('\x1b[5;')).toEqual(['pending "\\u001b[5;"']);
  expect(tokens('\x1b[<12;')).toEqual(['pending "\\u001b[<12;"']);
  expect(tokens('\x1b[5', 'x')).toEqual(['bytes "\\u001b[5x"']);
});

test('a head that never ends is no head', () => {
  expect(tokens(`\x1b[<${'1'.repeat(100)}`)).toEqual([`bytes "\\u001b[<${'1'.repeat(100)}"`]);
});

describe('a paste', () => {
  test('up to the bound is whole, and of a longer one nothing is kept', () => {
    const whole = 'x'.repeat(MAX_PASTE_BYTES);
    expect(tokens(`\x1b[200~${whole}\x1b[201~`)).toEqual([`paste "${whole}"`]);
    expect(tokens(`\x1b[200~${whole}`, 'y\x1b[201~z')).toEqual(['paste too long', 'bytes "z"']);
  });

  test('is never taken for keys before its end', () => {
    expect(tokens('\x1b[200~\x1b[5;2~~.\x1b')).toEqual([]);
  });
});
