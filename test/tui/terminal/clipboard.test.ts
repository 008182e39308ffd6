import {expect, test} from 'vitest';
import {clipboardSequence, MAX_CLIPBOARD_BYTES} from '../../../src/tui/terminal/clipboard.js';

test('a text goes to the clipboard as base64, whatever is in it', () => {
  expect(clipboardSequence('é\x07\x1b\\', {})).toBe(`\x1b]52;c;${Buffer.from('é\x07\x1b\\').toString('base64')}\x07`);
});

test('inside tmux it goes both ways', () => {
  expect(clipboardSequence('a', {TMUX: '/tmp/x,1,0'})).toBe('\x1b]52;c;YQ==\x07\x1bPtmux;\x1b\x1b]52;c;YQ==\x07\x1b\\');
});

test('the bound counts bytes', () => {
  expect(clipboardSequence('a'.repeat(MAX_CLIPBOARD_BYTES), {})).toBeDefined();
  expect(clipboardSequence('é'.repeat(MAX_CLIPBOARD_BYTES / 2 + 1), {})).toBeUndefined();
});
