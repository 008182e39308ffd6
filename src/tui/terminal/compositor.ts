/**
 * Owns the pixels: everything shown passes here on its way to the terminal.
 *
 * A frame is Ink's latest frame, then the painters in their rectangles, then again Ink's cells where an overlay
 * (dialog, help, toast) lies above a painter. Only differing cells are written, between synchronized-output marks,
 * at most `maxFps` times a second; while the terminal is slow, frames are skipped, never queued.
 */
import {CellGrid, type Rect} from './cells.js';
import {diffGrids, type OutputProfile} from './diff.js';
import {drawFrame} from './frame-parser.js';
import {InkSink} from './ink-sink.js';

/** Where frames go; `process.stdout` is one. */
export interface FrameOutput {
  write(text: string): boolean;
  once(event: 'drain', listener: () => void): unknown;
}

/** A part of the screen that is painted directly. */
export interface Painter {
  readonly rect: Rect;
  paint(grid: CellGrid, rect: Rect): void;
}

/** What lies in a frame besides Ink's part. */
export interface Scene {
  readonly painters: readonly Painter[];
  /** Rectangles in which Ink's cells hide the painters. */
  readonly overlays: readonly Rect[];
  /** The host terminal's cursor, or `undefined` to hide it. */
  readonly cursor: {readonly x: number; readonly y: number} | undefined;
}

/** Settings of a compositor. */
export interface CompositorOptions {
  readonly output: FrameOutput;
  readonly columns: number;
  readonly rows: number;
  readonly profile: OutputProfile;
  /** Asked at every frame, so a scene is never older than the frame it is in. */
  readonly scene: () => Scene;
  readonly maxFps?: number;
}

/** Composes frames and writes what changed. */
export class Compositor implements Disposable {
  /** Ink's standard output. */
  readonly sink: InkSink;
  private readonly options: CompositorOptions;
  private readonly frameMs: number;
  private inkGrid: CellGrid;
  private shown: CellGrid | undefined;
  private next: CellGrid;
  private timer: NodeJS.Timeout | undefined;
  private lastFrameAt = 0;
  private isBlocked = false;
  private isWanted = false;
  private isDisposed = false;
  private isHeld = false;
  private shownCursor = '';

  constructor(options: CompositorOptions) {
    this.options = options;
    this.frameMs = 1000 / (options.maxFps ?? 30);
    this.inkGrid = new CellGrid(options.columns, options.rows);
    this.next = new CellGrid(options.columns, options.rows);
    this.sink = new InkSink(options.columns, options.rows, (frame) => {
      drawFrame(this.inkGrid, frame);
      this.requestFrame();
    });
  }

  /** Asks for a frame; many requests within one frame time become one frame. */
  requestFrame(): void {
    if (this.isDisposed) return;
    this.isWanted = true;
    if (this.timer || this.isBlocked) return;
    const wait = Math.max(0, this.lastFrameAt + this.frameMs - performance.now());
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.flush();
    }, wait);
  }

  /** The next frame does not wait for its time: it shows what a key did. */
  hurry(): void {
    this.lastFrameAt = 0;
    if (this.timer === undefined) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.requestFrame();
  }

  /** The terminal has another size: the next frame is written whole. */
  resize(columns: number, rows: number): void {
    this.inkGrid = new CellGrid(columns, rows);
    this.next = new CellGrid(columns, rows);
    this.shown = undefined;
    this.sink.resize(columns, rows);
    this.requestFrame();
  }

  /** Writes nothing until `release`: somebody else has the terminal. */
  hold(): void {
    this.isHeld = true;
  }

  /** Goes on with a whole frame. */
  release(): void {
    this.isHeld = false;
    this.invalidate();
  }

  /** Forgets what is shown, for instance after the terminal was used by someone else. */
  invalidate(): void {
    this.shown = undefined;
    this.shownCursor = '';
    this.requestFrame();
  }

  /** The cells as they were last written, for screenshots and tests. */
  get cells(): CellGrid | undefined {
    return this.shown;
  }

  /** Writes a frame now if one is wanted. */
  flush(): void {
    if (!this.isWanted || this.isBlocked || this.isDisposed || this.isHeld) return;
    this.isWanted = false;
    this.lastFrameAt = performance.now();
    const scene = this.options.scene();
    const grid = this.next;
    grid.copyFrom(this.inkGrid);
    for (const painter of scene.painters) painter.paint(grid, painter.rect);
    for (const rect of scene.overlays) grid.blit(this.inkGrid, rect, rect.x, rect.y);
    const body = diffGrids(this.shown, grid, this.options.profile);
    const cursor = cursorSequence(scene.cursor);
    if (body === '' && cursor === this.shownCursor) return;
    // The cursor is hidden while cells are written: on terminals without synchronized output it would fly about.
    const text = `\x1b[?2026h\x1b[?25l${body}${cursor}\x1b[?2026l`;
    this.next = this.shown ?? new CellGrid(grid.columns, grid.rows);
    this.shown = grid;
    this.shownCursor = cursor;
    if (!this.options.output.write(text)) {
      this.isBlocked = true;
      this.options.output.once('drain', () => {
        this.isBlocked = false;
        if (this.isWanted) this.requestFrame();
      });
    }
  }

  [Symbol.dispose](): void {
    this.isDisposed = true;
    clearTimeout(this.timer);
  }
}

function cursorSequence(cursor: Scene['cursor']): string {
  return cursor ? `\x1b[${cursor.y + 1};${cursor.x + 1}H\x1b[?25h` : '';
}
