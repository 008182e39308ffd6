import type {IBufferCell, IBufferLine} from '@xterm/headless';
import {renderScreenSvg} from '../pictures/screen-svg.js';
import {
  ATTR_BLINK,
  ATTR_BOLD,
  ATTR_DIM,
  ATTR_HIDDEN,
  ATTR_INVERSE,
  ATTR_ITALIC,
  ATTR_STRIKE,
  ATTR_UNDERLINE,
  CellGrid,
  COLOR_DEFAULT,
  COLOR_RGB_FLAG,
  type Color,
  type Rect,
} from './cells.js';
import type {MouseTracking} from './mouse-report.js';
import {Transcript} from './transcript.js';
import {Unicode11Addon} from './unicode11.js';
import {SerializeAddon, Terminal} from './xterm.js';

/** Modes of the guest's terminal that the host terminal follows while the guest has the keyboard. */
export interface GuestModes {
  readonly hasApplicationCursor: boolean;
  readonly hasApplicationKeypad: boolean;
  readonly hasBracketedPaste: boolean;
  readonly mouse: MouseTracking;
  /** Mouse reports in SGR form. */
  readonly hasSgrMouse: boolean;
  /** The guest's program has the whole screen: there is no scrollback. */
  readonly isAlternate: boolean;
}

/** What a guest screen tells its owner. */
export interface GuestScreenListener {
  /** Cells, cursor or modes changed: paint again. */
  changed(): void;
  /** The emulated terminal answers a query of the guest (cursor position, device attributes): send it as input. */
  answered(bytes: Uint8Array): void;
  /** The guest tried to write to the clipboard, or to read it; it cannot. */
  clipboardRefused?(): void;
}

/** Lines kept above the screen. A screen that is replayed has some 6000 in 256 KiB. */
const SCROLLBACK_LINES = 5000;

/**
 * A guest's console as a grid of cells: its bytes are parsed here and never reach the host terminal, so titles,
 * clipboard writes and queries stay inside.
 */
export class GuestScreen implements Disposable {
  private readonly terminal: Terminal;
  private readonly listener: GuestScreenListener;
  private isCursorHidden = false;
  private hasSgrMouse = false;
  private replaysPending = 0;
  private cell: IBufferCell | undefined;

  constructor(columns: number, rows: number, listener: GuestScreenListener) {
    this.listener = listener;
    this.terminal = new Terminal({
      cols: Math.max(1, columns),
      rows: Math.max(1, rows),
      scrollback: SCROLLBACK_LINES,
      allowProposedApi: true,
      logLevel: 'off',
    });
    this.terminal.loadAddon(new Unicode11Addon());
    this.terminal.unicode.activeVersion = '11';
    const setMode = (isSet: boolean) => (params: (number | number[])[]) => {
      if (params.includes(25)) this.isCursorHidden = !isSet;
      if (params.includes(1006)) this.hasSgrMouse = isSet;
      return false;
    };
    this.terminal.parser.registerCsiHandler({prefix: '?', final: 'h'}, setMode(true));
    this.terminal.parser.registerCsiHandler({prefix: '?', final: 'l'}, setMode(false));
    this.terminal.parser.registerEscHandler({final: 'c'}, () => {
      this.isCursorHidden = false;
      this.hasSgrMouse = false;
      return false;
    });
    this.terminal.parser.registerOscHandler(52, () => {
      if (this.replaysPending === 0) listener.clipboardRefused?.();
      return true;
    });
    // Answers to queries in replayed output were given when it was new.
    this.terminal.onData((text) => {
      if (this.replaysPending === 0) listener.answered(new TextEncoder().encode(text));
    });
    this.terminal.onBinary((text) => {
      if (this.replaysPending === 0) listener.answered(Uint8Array.from(text, (char) => char.charCodeAt(0)));
    });
  }

  /** Feeds bytes the guest wrote just now. */
  write(bytes: Uint8Array): void {
    this.terminal.write(bytes, () => this.listener.changed());
  }

  /** Feeds bytes the guest wrote earlier: they are shown, their queries stay unanswered. Resolves when they are shown. */
  replay(bytes: Uint8Array): Promise<void> {
    // In its turn: what was written before is still new.
    this.terminal.write('', () => {
      this.replaysPending++;
    });
    return new Promise((resolve) => {
      this.terminal.write(bytes, () => {
        this.replaysPending--;
        this.listener.changed();
        resolve();
      });
    });
  }

  /** Forgets everything shown. */
  reset(): void {
    this.terminal.reset();
    this.isCursorHidden = false;
    this.hasSgrMouse = false;
  }

  /** Changes the size. Units: cells, at least 1. */
  resize(columns: number, rows: number): void {
    this.terminal.resize(Math.max(1, columns), Math.max(1, rows));
    this.listener.changed();
  }

  /** Current size in cells. */
  get size(): {readonly columns: number; readonly rows: number} {
    return {columns: this.terminal.cols, rows: this.terminal.rows};
  }

  /** How many lines of scrollback lie above the screen. */
  get scrollbackRows(): number {
    return this.terminal.buffer.active.baseY;
  }

  /** Terminal modes the guest has set. */
  get modes(): GuestModes {
    const modes = this.terminal.modes;
    return {
      hasApplicationCursor: modes.applicationCursorKeysMode,
      hasApplicationKeypad: modes.applicationKeypadMode,
      hasBracketedPaste: modes.bracketedPasteMode,
      mouse: modes.mouseTrackingMode,
      hasSgrMouse: this.hasSgrMouse,
      isAlternate: this.terminal.buffer.active.type === 'alternate',
    };
  }

  /** Where the guest's cursor is on its screen, or `undefined` while hidden. */
  get cursor(): {readonly x: number; readonly y: number} | undefined {
    if (this.isCursorHidden) return undefined;
    const buffer = this.terminal.buffer.active;
    return {x: Math.min(buffer.cursorX, this.terminal.cols - 1), y: buffer.cursorY};
  }

  /** Where {@link paint} shows the cursor in a rectangle `height` rows high, or `undefined` while hidden. */
  cursorIn(height: number): {readonly x: number; readonly y: number} | undefined {
    const cursor = this.cursor;
    return cursor && {x: cursor.x, y: cursor.y - this.rowsHiddenAbove(height)};
  }

  /** The rows of the screen as text, trailing blanks cut. */
  get text(): string[] {
    const buffer = this.terminal.buffer.active;
    return Array.from(
      {length: this.terminal.rows},
      (_, row) => buffer.getLine(buffer.baseY + row)?.translateToString(true) ?? '',
    );
  }

  /**
   * Paints the screen into a rectangle. Of a screen that is higher than the rectangle, the part that ends at the cursor
   * is painted.
   */
  paint(grid: CellGrid, rect: Rect): void {
    const buffer = this.terminal.buffer.active;
    const hidden = this.rowsHiddenAbove(rect.height);
    const top = buffer.baseY + hidden;
    for (let row = 0; row < rect.height; row++) {
      const line = row + hidden < this.terminal.rows ? buffer.getLine(top + row) : undefined;
      this.paintLine(grid, rect.x, rect.y + row, rect.width, line);
    }
  }

  /** Everything there is to see, scrollback included, as it is now. */
  capture(): Transcript {
    const buffer = this.terminal.buffer.active;
    const rows = buffer.baseY + this.terminal.rows;
    const grid = new CellGrid(this.terminal.cols, rows);
    const isWrapped: boolean[] = [];
    for (let row = 0; row < rows; row++) {
      const line = buffer.getLine(row);
      isWrapped.push(line?.isWrapped === true);
      this.paintLine(grid, 0, row, grid.columns, line);
    }
    return new Transcript(grid, isWrapped);
  }

  /** What makes an empty terminal of the same size show the same: text, colours, cursor and modes, and nothing else. */
  serialize(): string {
    const addon = new SerializeAddon();
    this.terminal.loadAddon(addon);
    try {
      return addon.serialize({scrollback: 0});
    } finally {
      addon.dispose();
    }
  }

  /** The screen as a picture. */
  toSvg(): string {
    return renderScreenSvg(this.terminal);
  }

  private paintLine(grid: CellGrid, x: number, y: number, width: number, line: IBufferLine | undefined): void {
    this.cell ??= this.terminal.buffer.active.getNullCell();
    for (let column = 0; column < width; column++) {
      const cell = line?.getCell(column, this.cell);
      if (!cell) {
        grid.set(x + column, y, ' ', 1, COLOR_DEFAULT, COLOR_DEFAULT, 0);
        continue;
      }
      const cellWidth = cell.getWidth();
      if (cellWidth === 0) continue;
      const isCut = cellWidth === 2 && column + 1 >= width;
      const char = isCut ? ' ' : cell.getChars() || ' ';
      const fg = cellColor(cell.isFgRGB(), cell.isFgDefault(), cell.getFgColor());
      const bg = cellColor(cell.isBgRGB(), cell.isBgDefault(), cell.getBgColor());
      grid.set(x + column, y, char, isCut ? 1 : cellWidth, fg, bg, cellAttrs(cell));
    }
  }

  /** Rows of the screen that {@link paint} leaves out at the top of a rectangle `height` rows high. */
  rowsHiddenAbove(height: number): number {
    return Math.max(0, this.terminal.buffer.active.cursorY + 1 - height);
  }

  [Symbol.dispose](): void {
    this.terminal.dispose();
  }
}

function cellColor(isRgb: boolean, isDefault: boolean, value: number): Color {
  if (isDefault) return COLOR_DEFAULT;
  return isRgb ? COLOR_RGB_FLAG | value : value;
}

function cellAttrs(cell: IBufferCell): number {
  let attrs = 0;
  if (cell.isBold()) attrs |= ATTR_BOLD;
  if (cell.isDim()) attrs |= ATTR_DIM;
  if (cell.isItalic()) attrs |= ATTR_ITALIC;
  if (cell.isUnderline()) attrs |= ATTR_UNDERLINE;
  if (cell.isBlink()) attrs |= ATTR_BLINK;
  if (cell.isInverse()) attrs |= ATTR_INVERSE;
  if (cell.isInvisible()) attrs |= ATTR_HIDDEN;
  if (cell.isStrikethrough()) attrs |= ATTR_STRIKE;
  return attrs;
}
