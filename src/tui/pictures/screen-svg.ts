/** A terminal's screen as an SVG picture. Imports nothing that runs: scripts take this file as it is. */
import type {IBufferCell, Terminal} from '@xterm/headless';

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

function runSvg(text: string, look: Look, column: number, row: number, cells: number): string {
  const x = MARGIN + column * CELL_WIDTH;
  const y = MARGIN + row * CELL_HEIGHT;
  const width = cells * CELL_WIDTH;
  let svg = '';
  if (look.bg !== BACKGROUND)
    svg += `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${CELL_HEIGHT}" fill="${look.bg}"/>`;
  // Renderers differ in what they make of blanks at the ends: only what is between is text.
  const shown = text.trim();
  if (shown === '') return svg;
  const lead = text.length - text.trimStart().length;
  const shownCells = cells - (text.length - shown.length);
  const weight = look.isBold ? ' font-weight="bold"' : '';
  const opacity = look.isDim ? ' opacity="0.6"' : '';
  // A stated length keeps columns in line where a font lacks a glyph and another one's is wider.
  const length = ` textLength="${(shownCells * CELL_WIDTH).toFixed(1)}" lengthAdjust="spacingAndGlyphs"`;
  return `${svg}<text x="${(x + lead * CELL_WIDTH).toFixed(1)}" y="${y + 13}" fill="${look.fg}"${weight}${opacity}${length}>${escapeXml(shown)}</text>`;
}

/** Renders the screen of an emulated terminal. */
export function renderScreenSvg(terminal: Terminal): string {
  const width = Math.ceil(terminal.cols * CELL_WIDTH + 2 * MARGIN);
  const height = terminal.rows * CELL_HEIGHT + 2 * MARGIN;
  const buffer = terminal.buffer.active;
  const parts: string[] = [];
  for (let row = 0; row < terminal.rows; row++) {
    const line = buffer.getLine(buffer.baseY + row);
    let run = {text: '', column: 0, cells: 0, look: undefined as Look | undefined};
    const flush = () => {
      if (run.look) parts.push(runSvg(run.text, run.look, run.column, row, run.cells));
    };
    for (let column = 0; column < terminal.cols; column++) {
      const cell = line?.getCell(column);
      if (!cell || cell.getWidth() === 0) continue;
      const look = lookOf(cell);
      const char = cell.getChars() || ' ';
      // Glyphs beyond Latin come from other fonts: one run each keeps the others' spacing.
      const isPlain = char <= '\u00ff';
      const isJoined = (isPlain && run.text <= '\u00ff') || (run.text.startsWith(char) && /^[─═█⠒⣀]/.test(char));
      const isSame = run.look && isJoined && JSON.stringify(run.look) === JSON.stringify(look);
      if (isSame) {
        run.text += char;
        run.cells += cell.getWidth();
      } else {
        flush();
        run = {text: char, column, cells: cell.getWidth(), look};
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
