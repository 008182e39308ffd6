/** A terminal's screen as an SVG picture. */
import type {IBufferCell, Terminal} from '@xterm/headless';
import {cellShape} from './cell-shape.js';

const CELL_WIDTH = 8.4;
const CELL_HEIGHT = 17;
const MARGIN = 12;
const FONT_SIZE = 14;
const BACKGROUND = '#16181d';
const FOREGROUND = '#d7dae0';
const FONTS = "'DejaVu Sans Mono','Cascadia Mono','Menlo','Consolas',monospace";

const BASIC = [
  '#2b2f38',
  '#e06c75',
  '#98c379',
  '#e5c07b',
  '#61afef',
  '#c678dd',
  '#56b6c2',
  '#d7dae0',
  '#7f8694',
  '#ff7b85',
  '#b1e08b',
  '#ffd98a',
  '#7cc4ff',
  '#dd8ff5',
  '#6fd3e0',
  '#ffffff',
];
const CUBE = [0, 95, 135, 175, 215, 255];

interface Look {
  readonly fg: string;
  readonly bg: string;
  readonly isBold: boolean;
  readonly isDim: boolean;
}

function hex(value: number): string {
  return `#${value.toString(16).padStart(6, '0')}`;
}

function paletteColor(index: number): string {
  const basic = BASIC[index];
  if (basic !== undefined) return basic;
  if (index >= 232) {
    const level = 8 + (index - 232) * 10;
    return hex((level << 16) | (level << 8) | level);
  }
  const cube = index - 16;
  const parts = [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map((part) => CUBE[part] ?? 0);
  return hex(((parts[0] ?? 0) << 16) | ((parts[1] ?? 0) << 8) | (parts[2] ?? 0));
}

function lookOf(cell: IBufferCell): Look {
  const fg = cell.isFgDefault()
    ? FOREGROUND
    : cell.isFgRGB()
      ? hex(cell.getFgColor())
      : paletteColor(cell.getFgColor());
  const bg = cell.isBgDefault()
    ? BACKGROUND
    : cell.isBgRGB()
      ? hex(cell.getBgColor())
      : paletteColor(cell.getBgColor());
  const isSwapped = cell.isInverse() !== 0;
  return {
    fg: isSwapped ? bg : fg,
    bg: isSwapped ? fg : bg,
    isBold: cell.isBold() !== 0,
    isDim: cell.isDim() !== 0,
  };
}

// What XML has no place for, a lone half of a surrogate pair for instance, is no text that anybody could see.
function escapeXml(text: string): string {
  return text
    .replace(/[^\t\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}

interface Run {
  text: string;
  readonly column: number;
  readonly row: number;
  cells: number;
  readonly look: Look;
  readonly kind: 'plain' | 'shapes' | 'single';
}

const boxOf = (column: number, row: number) => ({
  x: MARGIN + column * CELL_WIDTH,
  y: MARGIN + row * CELL_HEIGHT,
  width: CELL_WIDTH,
  height: CELL_HEIGHT,
});

function runSvg(run: Run): string {
  const {look, cells} = run;
  const {x, y} = boxOf(run.column, run.row);
  const width = (cells * CELL_WIDTH).toFixed(1);
  const ground =
    look.bg === BACKGROUND
      ? ''
      : `<rect x="${x.toFixed(1)}" y="${y}" width="${width}" height="${CELL_HEIGHT}" fill="${look.bg}" shape-rendering="crispEdges"/>`;
  return ground + (run.kind === 'shapes' ? shapesSvg(run) : textSvg(run));
}

/** Lines, dots and areas of a run, one path each. */
function shapesSvg({text, column, row, look}: Run): string {
  const data = {lines: '', dots: '', area: ''};
  for (const [index, char] of [...text].entries()) {
    const shape = cellShape(char, boxOf(column + index, row));
    if (shape) data[shape.kind] += shape.data;
  }
  const opacity = look.isDim ? ' opacity="0.6"' : '';
  const stroked = (path: string, width: number) =>
    path &&
    `<path d="${path}" fill="none" stroke="${look.fg}" stroke-width="${width}" stroke-linecap="round"${opacity}/>`;
  const area = data.area && `<path d="${data.area}" fill="${look.fg}"${opacity}/>`;
  return stroked(data.lines, look.isBold ? 2 : 1.2) + stroked(data.dots, 2) + area;
}

function textSvg({text, column, row, cells, look}: Run): string {
  // Renderers differ in what they make of blanks at the ends: only what is between is text.
  const shown = text.trim();
  if (shown === '') return '';
  const {x, y} = boxOf(column + text.length - text.trimStart().length, row);
  const shownCells = cells - (text.length - shown.length);
  const weight = look.isBold ? ' font-weight="bold"' : '';
  const opacity = look.isDim ? ' opacity="0.6"' : '';
  // A stated length keeps columns in line where a font lacks a glyph and another one's is wider.
  const length = ` textLength="${(shownCells * CELL_WIDTH).toFixed(1)}" lengthAdjust="spacingAndGlyphs"`;
  return `<text x="${x.toFixed(1)}" y="${y + 13}" fill="${look.fg}"${weight}${opacity}${length}>${escapeXml(shown)}</text>`;
}

// Glyphs beyond Latin come from other fonts: one run each keeps the others' spacing.
function kindOf(char: string): Run['kind'] {
  if (char <= '\u00ff') return 'plain';
  return cellShape(char, boxOf(0, 0)) === undefined ? 'single' : 'shapes';
}

/** Renders the screen of an emulated terminal. */
export function renderScreenSvg(terminal: Terminal): string {
  const width = Math.ceil(terminal.cols * CELL_WIDTH + 2 * MARGIN);
  const height = terminal.rows * CELL_HEIGHT + 2 * MARGIN;
  const buffer = terminal.buffer.active;
  const parts: string[] = [];
  for (let row = 0; row < terminal.rows; row++) {
    const line = buffer.getLine(buffer.baseY + row);
    let run: Run | undefined;
    const flush = () => {
      if (run) parts.push(runSvg(run));
    };
    for (let column = 0; column < terminal.cols; column++) {
      const cell = line?.getCell(column);
      if (!cell || cell.getWidth() === 0) continue;
      const look = lookOf(cell);
      const char = cell.getChars() || ' ';
      const kind = kindOf(char);
      if (run?.kind === kind && kind !== 'single' && JSON.stringify(run.look) === JSON.stringify(look)) {
        run.text += char;
        run.cells += cell.getWidth();
      } else {
        flush();
        run = {text: char, column, row, cells: cell.getWidth(), look, kind};
      }
    }
    flush();
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">`,
    `<rect width="100%" height="100%" rx="8" fill="${BACKGROUND}"/>`,
    `<g font-family="${FONTS}" font-size="${FONT_SIZE}" xml:space="preserve" style="white-space:pre">`,
    ...parts,
    '</g></svg>',
    '',
  ].join('\n');
}
