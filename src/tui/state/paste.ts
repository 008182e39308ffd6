/** What is done with a paste into a console: some of them run something at once, so they are asked about first. */

import {visibleText} from '../terminal/visible-text.js';

/** A paste that waits for an answer. `preview` is its first lines, with control characters escaped. */
export interface AskedPaste {
  readonly machineId: string;
  readonly bytes: Uint8Array;
  readonly lineCount: number;
  readonly controlCount: number;
  readonly preview: readonly string[];
}

/** Lines of a paste that the question shows, and how much of each. Units: characters */
export const PREVIEW_LINES = 5;
const PREVIEW_LENGTH = 200;

const ENTER = 0x0d;
const NEWLINE = 0x0a;
const TAB = 0x09;

/**
 * The question about a paste, or `undefined` when it is one line of plain text. A guest's program that takes pastes in
 * brackets (an editor, a shell with line editing) is not asked about: it sees where one begins and ends.
 */
export function askAboutPaste(machineId: string, bytes: Uint8Array): AskedPaste | undefined {
  const controlCount = countControls(bytes);
  const text = new TextDecoder().decode(bytes);
  const lines = text.split(/\r\n|\r|\n/);
  if (lines.length === 1 && controlCount === 0) return undefined;
  // A line break at the end begins no line, but it is Enter.
  const lineCount = lines.at(-1) === '' ? lines.length - 1 : lines.length;
  const shown = lines.slice(0, Math.min(PREVIEW_LINES, lineCount)).map(preview);
  return {machineId, bytes, lineCount, controlCount, preview: shown};
}

/** Control characters other than Tab and line breaks, C1 in UTF-8 among them. */
function countControls(bytes: Uint8Array): number {
  let count = 0;
  for (const [at, byte] of bytes.entries()) {
    if (byte === TAB || byte === ENTER || byte === NEWLINE) continue;
    if (byte < 0x20 || byte === 0x7f) count++;
    else if (byte >= 0x80 && byte <= 0x9f && bytes[at - 1] === 0xc2) count++;
  }
  return count;
}

/** The beginning of a line, with a tab as what it looks like and what a terminal would obey escaped. */
function preview(line: string): string {
  const shown = visibleText(line.slice(0, PREVIEW_LENGTH).replaceAll('\t', '→'));
  return line.length > PREVIEW_LENGTH ? `${shown}…` : shown;
}
