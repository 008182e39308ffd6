import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {visibleText} from '../../../src/tui/terminal/visible-text.js';

describe('text that others wrote', () => {
  test.each([
    ['plain web-1', 'plain web-1'],
    ['日本語 é ● ⣀ │ …', '日本語 é ● ⣀ │ …'],
    ['\x1b]0;EVIL\x07', '^[]0;EVIL^G'],
    ['a\nb\tc\rd', 'a^Jb^Ic^Md'],
    ['\x9b31m\x7f', '<9b>31m^?'],
    ['abc\u202edcba\u2069', 'abc<202e>dcba<2069>'],
    ['a\u200bb\u2060c\ufeffd\u00ade', 'a<200b>b<2060>c<feff>d<ad>e'],
    ['\u{e0041}\u061c', '<e0041><61c>'],
    ['\ud800x', '<d800>x'],
  ])('%j is shown as %j', (text, shown) => expect(visibleText(text)).toBe(shown));

  test('never holds a control or unseen character afterwards, and is left alone the second time', () => {
    fc.assert(
      fc.property(fc.string({unit: 'binary', maxLength: 60}), (text) => {
        const shown = visibleText(text);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not be there
        expect(shown).not.toMatch(/[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/u);
        expect(visibleText(shown)).toBe(shown);
      }),
    );
  });
});
