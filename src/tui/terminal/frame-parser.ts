import {type CellGrid, PLAIN, type Style} from './cells.js';
import {codePointWidth} from './char-width.js';
import {applySgr} from './sgr.js';

/**
 * Draws one complete frame of text with SGR sequences and newlines, as Ink produces it, into a grid.
 * Cells the frame does not reach become blank; every other escape sequence is dropped.
 */
export function drawFrame(grid: CellGrid, frame: string): void {
  grid.clear();
  const lines = frame.split('\n');
  let style: Style = PLAIN;
  for (let y = 0; y < lines.length && y < grid.rows; y++) style = drawLine(grid, y, lines[y] ?? '', style);
}

function drawLine(grid: CellGrid, y: number, line: string, initial: Style): Style {
  let style = initial;
  let x = 0;
  for (let at = 0; at < line.length; ) {
    const code = line.codePointAt(at) ?? 0;
    if (code === 0x1b) {
      const end = sequenceEnd(line, at);
      if (line[at + 1] === '[' && line[end - 1] === 'm')
        style = applySgr(style, parseParams(line.slice(at + 2, end - 1)));
      at = end;
      continue;
    }
    const char = String.fromCodePoint(code);
    at += char.length;
    const width = codePointWidth(code);
    if (width === 0) grid.combine(x, y, char);
    else grid.set(x, y, char, width, style.fg, style.bg, style.attrs);
    x += width;
  }
  return style;
}

function parseParams(text: string): number[] {
  return text === '' ? [0] : text.split(/[;:]/).map((part) => Number.parseInt(part, 10) || 0);
}

// CSI ends with a byte 0x40–0x7e; OSC with BEL or ESC \; anything else is two characters.
function sequenceEnd(line: string, start: number): number {
  const kind = line[start + 1];
  let at = start + 2;
  if (kind === '[') {
    while (at < line.length && !isFinal(line.charCodeAt(at))) at++;
    return Math.min(line.length, at + 1);
  }
  if (kind === ']') {
    while (at < line.length && line[at] !== '\x07' && line[at] !== '\x1b') at++;
    return Math.min(line.length, line[at] === '\x1b' ? at + 2 : at + 1);
  }
  return Math.min(line.length, at);
}

function isFinal(code: number): boolean {
  return code >= 0x40 && code <= 0x7e;
}
