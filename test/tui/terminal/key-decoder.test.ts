import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {type InputEvent, KeyDecoder} from '../../../src/tui/terminal/key-decoder.js';

function decode(text: string | Uint8Array): InputEvent[] {
  const decoder = new KeyDecoder();
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  return [...decoder.feed(bytes), ...decoder.flush()];
}

function keys(text: string | Uint8Array): string[] {
  return decode(text).map((event) => (event.kind === 'key' ? event.key : event.kind));
}

describe('keys', () => {
  test.each([
    ['\x1b[A', ['up']],
    ['\x1bOB', ['down']],
    ['\x1b[1;5C', ['ctrl-right']],
    ['\x1b[1;2D', ['shift-left']],
    ['\x1b[5~\x1b[6~', ['pageup', 'pagedown']],
    ['\x1bOP\x1b[15~\x1b[24~', ['f1', 'f5', 'f12']],
    ['\x1b[[C', ['f3']],
    ['\x1b[Z', ['shift-tab']],
    ['\r\n\t\x7f\b', ['enter', 'enter', 'tab', 'backspace', 'backspace']],
    ['\x03\x1d\x01', ['ctrl-c', 'ctrl-]', 'ctrl-a']],
    ['\x1bx\x1bX', ['alt-x', 'alt-X']],
    ['\x1b\x1b[A', ['esc', 'up']],
    ['aG/ é日', ['a', 'G', '/', 'space', 'é', '日']],
    ['\x1b', ['esc']],
    ['\x1b[I\x1b[Oj', ['j']],
    ['\x1b[24;80Rj', ['j']],
  ])('%j is %j', (text, expected) => {
    expect(keys(text)).toEqual(expected);
  });

  test('a sequence that comes in pieces is one key', () => {
    const decoder = new KeyDecoder();
    const events = [...'\x1b[1;5A'].flatMap((char) => decoder.feed(new TextEncoder().encode(char)));
    expect(events).toEqual([{kind: 'key', key: 'ctrl-up', text: ''}]);
    expect(decoder.isPending).toBe(false);
  });

  test('a lone ESC waits for the owner to say that nothing followed', () => {
    const decoder = new KeyDecoder();
    expect(decoder.feed(Uint8Array.of(0x1b))).toEqual([]);
    expect(decoder.isPending).toBe(true);
    expect(decoder.flush()).toEqual([{kind: 'key', key: 'esc', text: ''}]);
  });

  test('bytes that are not UTF-8 are skipped without losing the key behind them', () => {
    expect(keys(Uint8Array.of(0xff, 0xc3, 0x61, 0xe6, 0x97, 0x62))).toEqual(['a', 'b']);
  });

  test('a sequence without an end does not grow without bound', () => {
    const decoder = new KeyDecoder();
    decoder.feed(new TextEncoder().encode(`\x1b[${'1;'.repeat(500)}`));
    expect(decoder.feed(new TextEncoder().encode('j'))).toContainEqual({kind: 'key', key: 'j', text: 'j'});
  });
});

test('mouse reports become cells', () => {
  expect(decode('\x1b[<0;10;5M')).toEqual([{kind: 'mouse', action: 'press', button: 0, x: 9, y: 4}]);
  expect(decode('\x1b[<0;10;5m')[0]).toMatchObject({action: 'release'});
  expect(decode('\x1b[<65;1;1M')[0]).toMatchObject({action: 'wheel-down'});
});

test('a paste is one event, whatever it contains', () => {
  expect(decode('\x1b[200~a\r\x1b[Ab\x1b[201~j')).toEqual([
    {kind: 'paste', text: 'a\r\x1b[Ab'},
    {kind: 'key', key: 'j', text: 'j'},
  ]);
});

test('how bytes are cut into chunks changes nothing', () => {
  const piece = fc.constantFrom(
    'a',
    '\x1b[A',
    '\x1bOQ',
    '\x1b[1;3D',
    'é',
    '日',
    '\r',
    '\x1b[200~x\x1b[201~',
    '\x1b[<0;3;4M',
  );
  fc.assert(
    fc.property(fc.array(piece, {maxLength: 12}), fc.infiniteStream(fc.integer({min: 1, max: 5})), (pieces, sizes) => {
      const bytes = new TextEncoder().encode(pieces.join(''));
      const whole = new KeyDecoder().feed(bytes);
      const decoder = new KeyDecoder();
      const parts: InputEvent[] = [];
      for (let at = 0; at < bytes.length; ) {
        const size = sizes.next().value ?? 1;
        parts.push(...decoder.feed(bytes.subarray(at, at + size)));
        at += size;
      }
      expect(parts).toEqual(whole);
    }),
  );
});
