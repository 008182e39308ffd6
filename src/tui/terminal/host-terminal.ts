/**
 * The person's own terminal: raw mode and alternate screen while the TUI runs, and its restoration however the TUI
 * ends (return, exception, signal, and by its guard even `kill -9`).
 */
import type {ReadStream, WriteStream} from 'node:tty';
import {text} from '../text/text.js';
import type {GuestModes} from './guest-screen.js';
import type {ColorDepth} from './sgr.js';
import {TerminalGuard} from './terminal-guard.js';

// Alternate screen, no autowrap (the last column must not scroll), bracketed paste, hidden cursor.
const ENTER = '\x1b[?1049h\x1b[?7l\x1b[?2004h\x1b[?25l\x1b[2J\x1b[H';
const LEAVE =
  '\x1b[?2026l\x1b[0m\x1b[?1l\x1b>\x1b[?2004l\x1b[?1003l\x1b[?1002l\x1b[?1000l\x1b[?1006l\x1b[?7h\x1b[?25h\x1b[?1049l';

const MOUSE_OFF = '\x1b[?1003l\x1b[?1002l\x1b[?1000l\x1b[?1006l';

const MAX_HELD_WRITES = 200;

const FATAL_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/** Finds out how many colours a terminal shows, from its environment. `NO_COLOR` with any value means none. */
export function detectColorDepth(env: NodeJS.ProcessEnv): ColorDepth {
  if (env['NO_COLOR']) return 'none';
  const term = env['TERM'] ?? '';
  if (term === 'dumb' || term === '' || term.endsWith('-mono') || term === 'vt100') return 'none';
  if (/truecolor|24bit/.test(env['COLORTERM'] ?? '') || term.includes('direct')) return 'truecolor';
  if (term.includes('256') || /kitty|alacritty|foot|ghostty|wezterm/.test(term)) return '256';
  return '16';
}

/** True unless the locale says UTF-8: then glyphs are replaced by ASCII. */
export function detectAscii(env: NodeJS.ProcessEnv): boolean {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  return !/utf-?8/i.test(locale);
}

/** Raw mode, alternate screen and signals of one terminal, given back on dispose. */
export class HostTerminal implements Disposable {
  private readonly input: ReadStream;
  private readonly output: WriteStream;
  private readonly onResize: () => void;
  private readonly onSignal: (signal: NodeJS.Signals) => void;
  private isActive = false;
  private modes = '';
  private mouse = MOUSE_OFF;
  private readonly guard = new TerminalGuard();
  private releaseStderr: () => void = () => undefined;
  private readonly signalHandlers = new Map<NodeJS.Signals, () => void>();

  /** `onSignal` is told about a signal that ends the program; the terminal is restored before it. */
  constructor(
    input: ReadStream,
    output: WriteStream,
    onResize: () => void,
    onSignal: (signal: NodeJS.Signals) => void,
  ) {
    this.input = input;
    this.output = output;
    this.onResize = onResize;
    this.onSignal = onSignal;
  }

  /** Takes the terminal. */
  enter(): void {
    if (this.isActive) return;
    this.isActive = true;
    this.input.setRawMode(true);
    this.input.resume();
    this.output.write(ENTER);
    this.guard.arm(this.input, this.output, `${LEAVE}${text.session.killed}\r\n`);
    this.holdStderr();
    this.output.on('resize', this.onResize);
    // A window that is as large again by the time Node.js looks emits no `resize`, and has lost cells meanwhile.
    process.on('SIGWINCH', this.onResize);
    process.on('exit', this.leave);
    process.on('uncaughtExceptionMonitor', this.leave);
    for (const signal of FATAL_SIGNALS) {
      // Of an earlier time.
      if (this.signalHandlers.has(signal)) continue;
      const handler = () => {
        // Ctrl-C in a terminal that was lent is for whoever has it.
        if (!this.isActive && (signal === 'SIGINT' || signal === 'SIGQUIT')) return;
        this.leave();
        this.onSignal(signal);
      };
      this.signalHandlers.set(signal, handler);
      process.on(signal, handler);
    }
  }

  /** Gives the terminal back; harmless when called twice. */
  readonly leave = (): void => {
    if (!this.isActive) return;
    this.isActive = false;
    process.off('exit', this.leave);
    process.off('uncaughtExceptionMonitor', this.leave);
    this.output.off('resize', this.onResize);
    process.off('SIGWINCH', this.onResize);
    this.output.write(LEAVE);
    this.guard[Symbol.dispose]();
    this.modes = '';
    this.mouse = MOUSE_OFF;
    if (!this.input.destroyed) this.input.setRawMode(false);
    this.input.pause();
    this.releaseStderr();
  };

  /**
   * Makes the keyboard speak as the guest expects, or as the TUI does when no guest has it. Pastes come in brackets always:
   * whether a guest gets them that way is decided when one is there.
   */
  followModes(guest: GuestModes | undefined): void {
    const cursor = guest?.hasApplicationCursor ? '\x1b[?1h' : '\x1b[?1l';
    const keypad = guest?.hasApplicationKeypad ? '\x1b=' : '\x1b>';
    const modes = cursor + keypad;
    if (modes === this.modes || !this.isActive) return;
    this.modes = modes;
    this.output.write(modes);
  }

  /**
   * Asks the terminal for the mouse (clicks, drags and the wheel, and with `wantsMoves` every move), or leaves it to the
   * terminal.
   */
  followMouse(isWanted: boolean, wantsMoves = false): void {
    const mouse = isWanted ? `\x1b[?1000h\x1b[?1002h${wantsMoves ? '\x1b[?1003h' : ''}\x1b[?1006h` : MOUSE_OFF;
    if (mouse === this.mouse || !this.isActive) return;
    this.mouse = mouse;
    this.output.write(isWanted ? `\x1b[?1003l${mouse}` : mouse);
  }

  /** Writes a sequence for the terminal itself, between two frames. */
  send(sequence: string): void {
    if (this.isActive) this.output.write(sequence);
  }

  // Warnings of Node.js and of libraries would be written over the screen: they wait until it is given back.
  private holdStderr(): void {
    if (!process.stderr.isTTY) return;
    const write = process.stderr.write;
    const held: (string | Uint8Array)[] = [];
    process.stderr.write = (chunk: string | Uint8Array) => {
      // The newest are the ones that tell why something ended.
      if (held.push(chunk) > MAX_HELD_WRITES) held.shift();
      return true;
    };
    this.releaseStderr = () => {
      this.releaseStderr = () => undefined;
      process.stderr.write = write;
      for (const chunk of held) process.stderr.write(chunk);
    };
  }

  [Symbol.dispose](): void {
    this.leave();
    for (const [signal, handler] of this.signalHandlers) process.off(signal, handler);
    this.signalHandlers.clear();
  }
}
