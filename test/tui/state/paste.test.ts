import {expect, test} from 'vitest';
import {askAboutPaste, PREVIEW_LINES} from '../../../src/tui/state/paste.js';
import {pasteQuestion} from '../../../src/tui/state/presenters/paste.js';

const ask = (text: string | Uint8Array) =>
  askAboutPaste('id', typeof text === 'string' ? new TextEncoder().encode(text) : text);

test('one line of plain text is not asked about', () => {
  expect(ask('ls -la\t/tmp')).toBeUndefined();
  expect(ask('日本語 é')).toBeUndefined();
});

test('a line break is: it runs what stands before it', () => {
  expect(ask('rm -rf /\n')).toMatchObject({lineCount: 1, controlCount: 0});
  expect(ask('a\r\nb\rc')).toMatchObject({lineCount: 3});
});

test('so are control bytes, C1 in UTF-8 among them', () => {
  expect(ask('a\x1bb')).toMatchObject({lineCount: 1, controlCount: 1});
  expect(ask('a\x03\x7f')).toMatchObject({controlCount: 2});
  expect(ask('a\u009b31m')).toMatchObject({controlCount: 1});
});

test('the preview escapes what a terminal would obey, and what hides or reorders text', () => {
  expect(ask('a\x1b[31m\x07\r\n\u202eb\u200b\u009b')?.preview).toEqual(['a^[[31m^G', '<202e>b<200b><9b>']);
  expect(ask(Uint8Array.from([0x61, 0xff, 0x0d]))?.preview).toEqual(['a\ufffd']);
});

test('the question is short, however long the paste is', () => {
  const paste = ask(`${'x'.repeat(10_000)}\n`.repeat(90));
  const lines = pasteQuestion(paste!, 'web-1');
  expect(lines[0]).toBe('Type 90 lines (879K) into web-1?');
  expect(lines).toHaveLength(PREVIEW_LINES + 2);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(210);
});
