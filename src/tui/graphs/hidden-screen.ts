/**
 * The one blessed screen of the process. It is never shown: widgets draw on it and their cells are copied out.
 *
 * Traps it handles: blessed allows one screen a process and leaks when more are made, so this one lives on; it takes
 * `exit`, exception and signal listeners of the process, which are removed again; it writes to its output, which goes
 * nowhere; its attribute parser wants `ESC[0m` where drawille writes `ESC[m`.
 */
import {PassThrough, Writable} from 'node:stream';
import {
  ATTR_BLINK,
  ATTR_BOLD,
  ATTR_HIDDEN,
  ATTR_INVERSE,
  ATTR_UNDERLINE,
  type CellGrid,
  COLOR_DEFAULT,
  type Color,
  type Rect,
} from '../terminal/cells.js';
import type {BlessedNode, BlessedScreen} from './blessed-types.js';

/** Largest chart drawn. Units: cells. */
const COLUMNS = 300;
const ROWS = 100;

const HOOKED_EVENTS = ['exit', 'uncaughtException', 'SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGWINCH', 'SIGTSTP'] as const;

class Nowhere extends Writable {
  readonly isTTY = true;
  readonly columns = COLUMNS;
  readonly rows = ROWS;
  override _write(_chunk: unknown, _encoding: BufferEncoding, done: () => void): void {
    done();
  }
}

let shared: Promise<BlessedScreen> | undefined;

/** The hidden screen; the first call loads blessed. */
export function hiddenScreen(): Promise<BlessedScreen> {
  shared ??= makeScreen();
  return shared;
}

async function makeScreen(): Promise<BlessedScreen> {
  const {default: blessed} = await import('blessed');
  const before = new Map(HOOKED_EVENTS.map((event) => [event, new Set(process.listeners(event as 'exit'))]));
  const program = blessed.program({
    input: new PassThrough(),
    output: new Nowhere(),
    terminal: 'xterm-256color',
    buffer: false,
    tput: true,
  });
  program.cols = COLUMNS;
  program.rows = ROWS;
  const screen = blessed.screen({program, fullUnicode: false, forceUnicode: true, smartCSR: false, dump: false});
  for (const [event, known] of before)
    for (const listener of process.listeners(event as 'exit'))
      if (!known.has(listener)) process.off(event as 'exit', listener);
  screen.alloc();
  return screen;
}

/** How what widgets drew becomes cells: a colour for each palette index from `FIRST_TAG` on, and characters for dots. */
export interface WidgetLook {
  readonly colors: readonly Color[];
  readonly dots: readonly string[];
}

/** Widgets draw in this palette index, and the following ones, what gets its colour when it is copied. */
export const FIRST_TAG = 16;

/**
 * Draws a widget and copies cells from (`fromX`, `fromY`) on into a rectangle. The widget alone is rendered, never the
 * screen: that would compare 30 000 cells each time.
 */
export function copyWidget(
  screen: BlessedScreen,
  widget: BlessedNode,
  grid: CellGrid,
  rect: Rect,
  look: WidgetLook,
  fromX = 0,
  fromY = 0,
): void {
  screen.clearRegion(0, COLUMNS, 0, ROWS);
  widget.render();
  for (let row = 0; row < rect.height; row++) {
    const line = screen.lines[fromY + row];
    for (let column = 0; column < rect.width; column++) {
      const [attr, char] = line?.[fromX + column] ?? [0x3ffff, ' '];
      const code = char.charCodeAt(0);
      const shown = code >= 0x2800 && code <= 0x28ff ? (look.dots[code - 0x2800] ?? ' ') : char;
      const [fg, bg] = [color(attr >> 9, look), color(attr, look)];
      grid.set(rect.x + column, rect.y + row, shown, 1, fg, bg, attributes(attr >> 18));
    }
  }
}

// An attribute word is flags, foreground, background in 9-bit groups; 0x1ff is the default colour.
function color(bits: number, {colors}: WidgetLook): number {
  const value = bits & 0x1ff;
  return value === 0x1ff ? COLOR_DEFAULT : (colors[value - FIRST_TAG] ?? COLOR_DEFAULT);
}

function attributes(flags: number): number {
  let attrs = 0;
  if (flags & 1) attrs |= ATTR_BOLD;
  if (flags & 2) attrs |= ATTR_UNDERLINE;
  if (flags & 4) attrs |= ATTR_BLINK;
  if (flags & 8) attrs |= ATTR_INVERSE;
  if (flags & 16) attrs |= ATTR_HIDDEN;
  return attrs;
}
