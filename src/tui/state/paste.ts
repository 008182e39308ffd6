/** What is done with a paste into a console: some of them run something at once, so they are asked about first. */

/** A paste that waits for an answer. `preview` is its first lines, with control characters spelled out. */
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
  const preview = lines.slice(0, Math.min(PREVIEW_LINES, lineCount)).map(spell);
  return {machineId, bytes, lineCount, controlCount, preview};
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

/** The text with what a terminal would obey spelled out: `^[` for ESC, `\u{9b}` for what has no such name. */
function spell(line: string): string {
  let out = '';
  for (const char of line.slice(0, PREVIEW_LENGTH)) {
    const code = char.codePointAt(0) ?? 0;
    if (code === TAB) out += '→';
    else if (code < 0x20) out += `^${String.fromCharCode(code + 0x40)}`;
    else if (code === 0x7f) out += '^?';
    else if (isUnseen(code)) out += `\\u{${code.toString(16)}}`;
    else out += char;
  }
  return line.length > PREVIEW_LENGTH ? `${out}…` : out;
}

/** C1 controls, marks of direction and joiners: what can hide or reorder text. */
function isUnseen(code: number): boolean {
  const isDirection = (code >= 0x200b && code <= 0x200f) || (code >= 0x202a && code <= 0x202e);
  return (code >= 0x80 && code < 0xa0) || isDirection || (code >= 0x2060 && code <= 0x206f) || code === 0xfeff;
}
