/**
 * A person at a terminal: a program in a real pseudo-terminal, its screen read back through an emulator. Between the marks
 * of synchronized output the screen stays as it was: nobody ever looks at half a frame.
 */
import * as unicode11 from '@xterm/addon-unicode11';
import * as headless from '@xterm/headless';
import type {IPty} from 'node-pty';
import {spawn} from 'node-pty';

const {Terminal} = (headless as typeof headless & {default?: typeof headless}).default ?? headless;

const {Unicode11Addon} = (unicode11 as typeof unicode11 & {default?: typeof unicode11}).default ?? unicode11;

const FRAME_BEGIN = '\x1b[?2026h';
const FRAME_END = '\x1b[?2026l';

/** How to start a program at a terminal. */
export interface TerminalOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly columns?: number;
  readonly rows?: number;
  /** Emoji take two cells, as in newer terminals; else one, as in older ones. */
  readonly hasWideEmoji?: boolean;
}

/** See the module. */
export class TerminalSession implements AsyncDisposable {
  /** Everything the program wrote, raw. */
  raw = '';
  readonly exited: Promise<number>;
  private readonly pty: IPty;
  private readonly emulator: headless.Terminal;
  private readonly changes = new Set<() => void>();
  private isOver = false;
  /** How much of `raw` is on the screen. */
  private shownLength = 0;

  constructor(options: TerminalOptions) {
    const size = {cols: options.columns ?? 120, rows: options.rows ?? 35};
    this.emulator = new Terminal({...size, allowProposedApi: true, scrollback: 1000});
    if (options.hasWideEmoji) {
      this.emulator.loadAddon(new Unicode11Addon());
      this.emulator.unicode.activeVersion = '11';
    }
    this.pty = spawn(options.command, [...options.args], {
      ...size,
      name: 'xterm-256color',
      ...(options.cwd === undefined ? {} : {cwd: options.cwd}),
      env: {...process.env, LANG: 'C.UTF-8', NO_COLOR: '', ...options.env},
    });
    this.pty.onData((text) => {
      this.raw += text;
      this.show(this.wholeLength());
    });
    // What the emulator answers (cursor reports) is what a real terminal would answer.
    this.emulator.onData((text) => this.pty.write(text));
    this.exited = new Promise((resolve) => {
      this.pty.onExit(({exitCode}) => {
        // Once the screen has what was written last.
        this.show(this.raw.length, () => {
          this.isOver = true;
          resolve(exitCode);
        });
      });
    });
  }

  /** Process id of the program. */
  get pid(): number {
    return this.pty.pid;
  }

  /** The rows of the screen, trailing blanks cut. */
  get rows(): string[] {
    const buffer = this.emulator.buffer.active;
    return Array.from(
      {length: this.emulator.rows},
      (_, row) =>
        // A screen that became narrower keeps what stood beyond its edge.
        buffer.getLine(buffer.baseY + row)?.translateToString(true, 0, this.emulator.cols) ?? '',
    );
  }

  /** The screen as one text. */
  get text(): string {
    return this.rows.join('\n');
  }

  /** The texts that stand inverse on the screen, as what is highlighted does. */
  get highlights(): string[] {
    const buffer = this.emulator.buffer.active;
    const texts: string[] = [];
    for (let row = 0; row < this.emulator.rows; row++) {
      let run = '';
      for (let x = 0; x <= this.emulator.cols; x++) {
        const cell = x < this.emulator.cols ? buffer.getLine(buffer.baseY + row)?.getCell(x) : undefined;
        if (cell?.isInverse()) run += cell.getWidth() === 0 ? '' : cell.getChars() || ' ';
        else if (run !== '') {
          texts.push(run.trim());
          run = '';
        }
      }
    }
    return texts;
  }

  /** The emulated terminal, for pictures of its cells. */
  get screen(): headless.Terminal {
    return this.emulator;
  }

  /** Where the cursor is. */
  get cursor(): {x: number; y: number} {
    const buffer = this.emulator.buffer.active;
    return {x: buffer.cursorX, y: buffer.cursorY};
  }

  /** True while the alternate screen is shown. */
  get isAlternate(): boolean {
    return this.emulator.buffer.active.type === 'alternate';
  }

  /** Types. */
  press(text: string): void {
    this.pty.write(text);
  }

  /** Changes the size of the window. */
  resize(columns: number, rows: number): void {
    this.emulator.resize(columns, rows);
    this.pty.resize(columns, rows);
  }

  /** Sends a signal to the program. */
  kill(signal: string): void {
    this.pty.kill(signal);
  }

  /** Resolves once the screen fulfils a condition. Errors: after `timeoutMs`, with the screen in the message */
  async until(what: string, condition: (text: string) => boolean, timeoutMs = 15_000): Promise<void> {
    await this.waitFor(what, () => condition(this.text), timeoutMs);
  }

  /** Resolves once a text stands on the screen. */
  async see(text: string | RegExp, timeoutMs?: number): Promise<void> {
    const has = (screen: string) => (typeof text === 'string' ? screen.includes(text) : text.test(screen));
    await this.until(`to show ${text}`, has, timeoutMs);
  }

  /** Up to where `raw` consists of whole frames and of what lies between them. */
  private wholeLength(): number {
    // A mark may have come in two pieces, the first of which is on the screen.
    const from = Math.max(0, this.shownLength - FRAME_BEGIN.length + 1);
    const tail = this.raw.slice(from);
    const begin = tail.lastIndexOf(FRAME_BEGIN);
    return begin > tail.lastIndexOf(FRAME_END) ? Math.max(this.shownLength, from + begin) : this.raw.length;
  }

  // The emulator takes what is written at once as a whole.
  private show(length: number, shown?: () => void): void {
    const text = this.raw.slice(this.shownLength, length);
    this.shownLength = length;
    this.emulator.write(text, () => {
      shown?.();
      for (const change of [...this.changes]) change();
    });
  }

  private async waitFor(what: string, condition: () => boolean, timeoutMs: number): Promise<void> {
    if (condition()) return;
    const {promise, resolve, reject} = Promise.withResolvers<void>();
    const timer = setTimeout(
      () => reject(new Error(`waited ${timeoutMs} ms for the screen ${what}; it shows:\n${this.text}`)),
      timeoutMs,
    );
    const check = () => {
      if (condition()) resolve();
      else if (this.isOver) reject(new Error(`the program ended before the screen came ${what}:\n${this.text}`));
    };
    this.changes.add(check);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.changes.delete(check);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.isOver) this.pty.kill('SIGKILL');
    await this.exited;
    this.emulator.dispose();
  }
}
