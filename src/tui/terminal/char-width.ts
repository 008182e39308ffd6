import type {IUnicodeVersionProvider} from '@xterm/headless';
import {Unicode11Addon} from './unicode11.js';
import {visibleText} from './visible-text.js';
import type {Terminal} from './xterm.js';

// The addon hands its width table to whatever it is activated on, so a recorder gets the very table guest screens use.
function loadProvider(): IUnicodeVersionProvider {
  let found: IUnicodeVersionProvider | undefined;
  const recorder = {
    unicode: {
      register: (provider: IUnicodeVersionProvider) => {
        found = provider;
      },
    },
  };
  new Unicode11Addon().activate(recorder as unknown as Terminal);
  if (!found) throw new Error('the Unicode 11 width table did not register');
  return found;
}

const provider = loadProvider();

/** How many cells a code point takes: 0 for combining marks, 2 for wide ones. The same table as guest screens use. */
export function codePointWidth(codePoint: number): 0 | 1 | 2 {
  if (codePoint >= 0x20 && codePoint < 0x7f) return 1;
  return provider.wcwidth(codePoint);
}

/** How many cells a text takes in one row. */
export function textWidth(text: string): number {
  let width = 0;
  for (const char of text) width += codePointWidth(char.codePointAt(0) ?? 0);
  return width;
}

/** Cuts a text to at most `width` cells, ending in `…` when something was cut. */
export function truncate(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  if (width <= 0) return '';
  let out = '';
  let used = 0;
  for (const char of text) {
    const size = codePointWidth(char.codePointAt(0) ?? 0);
    if (used + size > width - 1) break;
    out += char;
    used += size;
  }
  return `${out}…`;
}

/** Truncates or pads a text with blanks to exactly `width` cells. */
export function fitCells(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const cut = truncate(text, width);
  const blanks = ' '.repeat(Math.max(0, width - textWidth(cut)));
  return align === 'left' ? cut + blanks : blanks + cut;
}

/** A label as it stands in a border `width` cells wide, with a blank on each side; empty for none. */
export function borderLabel(label: string, width: number): string {
  return label === '' ? '' : ` ${truncate(visibleText(label), Math.max(0, width - 4))} `;
}

/** Breaks a text at blanks into lines of at most `width` cells; longer words are cut. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    const joined = line === '' ? word : `${line} ${word}`;
    if (textWidth(joined) <= width) line = joined;
    else {
      if (line !== '') lines.push(line);
      line = truncate(word, width);
    }
  }
  if (line !== '') lines.push(line);
  return lines;
}
