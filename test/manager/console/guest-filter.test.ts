import * as fc from 'fast-check';
import {expect, test} from 'vitest';
import {GuestFilter} from '../../../src/manager/console/guest-filter.js';

function filter(...chunks: string[]): string {
  const guard = new GuestFilter();
  return chunks.map((chunk) => Buffer.from(guard.feed(Buffer.from(chunk, 'latin1'))).toString('latin1')).join('');
}

test.each([
  ['a title ended by BEL', 'a\x1b]0;EVIL\x07b', 'ab'],
  ['a title ended by ST', 'a\x1b]2;EVIL\x1b\\b', 'ab'],
  ['a clipboard write', '\x1b]52;c;RVZJTA==\x07', ''],
  ['a device control string', 'a\x1bP$qm\x1b\\b', 'ab'],
  ['an application command', 'a\x1b_Gi=1;AAAA\x1b\\b', 'ab'],
  ['device attributes', 'a\x1b[cb\x1b[>0cc', 'abc'],
  ['a cursor report', 'a\x1b[6nb', 'ab'],
  ['a window report', 'a\x1b[18tb', 'ab'],
  ['a mode request', 'a\x1b[?2026$pb', 'ab'],
  ['a version request', 'a\x1b[>0qb', 'ab'],
  ['a keyboard protocol push', 'a\x1b[>1ub', 'ab'],
  ['DECID and ENQ', 'a\x1bZ\x05b', 'ab'],
  ['a title in 8-bit controls', 'a\xc2\x9d0;EVIL\x07b', 'ab'],
  ['a query in 8-bit controls', 'a\xc2\x9b6nb', 'ab'],
])('%s is removed', (_, given, expected) => {
  expect(filter(given)).toBe(expected);
});

test.each([
  'plain text\r\n',
  '\x1b[1;31mred\x1b[0m',
  '\x1b[2J\x1b[10;20H',
  '\x1b[?1049h\x1b[?25l',
  '\x1b[?2004h\x1b7\x1b8\x1b(B\x1b=',
  '\xc3\xa9\xc2\xa0\xe6\x97\xa5',
  '\x1b[2 q',
  '\x1b[u',
])('%j passes unchanged', (given) => {
  expect(filter(given)).toBe(given);
});

test('an unfinished title swallows nothing after a new sequence aborts it', () => {
  expect(filter('\x1b]0;EVIL\x1b[31mred')).toBe('\x1b[31mred');
});

test('controls inside a sequence do not hide what the sequence is', () => {
  expect(filter('\x1b\x07]0;EVIL\x07b')).toBe('\x07b');
  expect(filter('\x1b[\x0d6nb')).toBe('\x0db');
  expect(filter('\x1b[1\xc2\x9d0;EVIL\x07b')).toBe('b');
  expect(filter('\x1b[3\x18b')).toBe('b');
});

test('how output is cut into chunks changes nothing', () => {
  const piece = fc.constantFrom(
    'a',
    '\x1b[31m',
    '\x1b]0;t\x07',
    '\x1b]52;c;x\x1b\\',
    '\x1b[6n',
    '\xc2\x9d',
    '\xc3\xa9',
    '\x1bP',
    '\x1b',
    '\x1b[',
    '\x18',
  );
  fc.assert(
    fc.property(fc.array(piece, {maxLength: 15}), (pieces) => {
      const text = pieces.join('');
      expect(filter(...text)).toBe(filter(text));
    }),
  );
});

test('no byte sequence gets a string or a query through', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.constantFrom(0x0d, 0x18, 0x1b, 0x5b, 0x5d, 0x36, 0x6e, 0x63, 0x07, 0x50, 0x5c, 0x3b, 0xc2, 0x9d, 0x9b),
        {
          maxLength: 40,
        },
      ),
      (codes) => {
        const shown = filter(String.fromCharCode(...codes));
        // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for
        expect(shown).not.toMatch(/\x1b[\]P]|\x1b\[[\d;]*[nc]|\xc2[\x90\x9b\x9d]/);
      },
    ),
    {numRuns: 2000},
  );
});

test.each([
  ['text', 'text', false],
  ['another screen', '\x1b[?1049h', true],
  ['another screen among other modes', '\x1b[?25;1047h', true],
  ['another screen that was left', '\x1b[?1049h\x1b[?1h\x1b[?1049l', false],
  ['another screen that was asked for in vain', '\x1b[?1049$p\x1b[1049h', false],
])('who leaves after %s gets the own screen back only where it is not shown', (_, given, isAlternate) => {
  const guard = new GuestFilter();
  guard.feed(Buffer.from(given, 'latin1'));
  expect(guard.restore.startsWith('\x1b[?1049l')).toBe(isAlternate);
});
