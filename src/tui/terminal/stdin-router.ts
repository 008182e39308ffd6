/**
 * The one reader of raw standard input.
 *
 * ```
 *  keys ──enterConsole──▶ console (every byte to the guest, but for chords, scrolling, mouse and pastes)
 *    ▲                       │
 *    └──── detach chord ─────┘  bytes typed after the chord are keys again
 * ```
 */
import {DETACH_WAIT_MS, DetachScanner} from '../../manager/client.js';
import {ConsoleInput} from './console-input.js';
import {type InputEvent, KeyDecoder, type MouseEvent} from './key-decoder.js';

/** How long a lone ESC waits for the rest of a sequence. */
export const ESC_TIMEOUT_MS = 35;

/** Where bytes come from; `process.stdin` in raw mode is one. */
export interface ByteSource {
  on(event: 'data', listener: (chunk: Uint8Array) => void): unknown;
  off(event: 'data', listener: (chunk: Uint8Array) => void): unknown;
}

/** Letters that behind `~` at the start of a line are the UI's: search, copy, and the list of them. */
export const CONSOLE_COMMANDS = '/[?';

/** The guest's side of a console session. Whatever it is told may end it. */
export interface ConsoleSession {
  send(bytes: Uint8Array): void;
  detached(): void;
  /** One of `CONSOLE_COMMANDS`. */
  command(letter: string): void;
  /** Shift-PgUp or Shift-PgDn. */
  scrolled(by: -1 | 1): void;
  mouse(event: MouseEvent): void;
  /** What stood between the brackets of a paste; `undefined` when that was too long. */
  pasted(bytes: Uint8Array | undefined): void;
}

/** Routes input bytes to the key listener or, during a console session, to the guest. */
export class StdinRouter implements Disposable {
  private readonly source: ByteSource;
  private readonly onEvent: (event: InputEvent) => void;
  private readonly decoder = new KeyDecoder();
  private session: ConsoleSession | undefined;
  private scanner = new DetachScanner(CONSOLE_COMMANDS);
  private consoleInput = new ConsoleInput();
  private timer: NodeJS.Timeout | undefined;
  /** Nothing of what comes is for the UI or a guest: somebody else has the terminal. */
  isMuted = false;

  constructor(source: ByteSource, onEvent: (event: InputEvent) => void) {
    this.source = source;
    this.onEvent = onEvent;
    source.on('data', this.receive);
  }

  /** True while every byte goes to a guest. */
  get isConsole(): boolean {
    return this.session !== undefined;
  }

  /** Hands the keyboard to a guest until the detach chord or {@link leaveConsole}. */
  enterConsole(session: ConsoleSession): void {
    this.session = session;
    this.scanner = new DetachScanner(CONSOLE_COMMANDS);
    this.consoleInput = new ConsoleInput();
  }

  /** Takes the keyboard back without the chord, for instance because the machine ended. */
  leaveConsole(): void {
    clearTimeout(this.timer);
    this.session = undefined;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.timer);
    this.source.off('data', this.receive);
  }

  private readonly receive = (chunk: Uint8Array): void => {
    clearTimeout(this.timer);
    if (this.isMuted) return;
    if (this.session) this.receiveForGuest(this.session, chunk);
    else this.receiveKeys(chunk);
  };

  private receiveForGuest(session: ConsoleSession, chunk: Uint8Array): void {
    const {consoleInput} = this;
    consoleInput.push(chunk);
    for (let token = consoleInput.next(); token; token = consoleInput.next()) {
      if (token.kind === 'bytes') this.scan(session, token.bytes);
      else if (this.scanner.expire()) this.detach(session);
      else if (token.kind === 'scroll') session.scrolled(token.by);
      else if (token.kind === 'mouse') session.mouse(token.event);
      else this.paste(session, token.bytes);
      if (this.session === session && this.consoleInput === consoleInput) continue;
      this.handOn(consoleInput);
      return;
    }
    if (consoleInput.isPending)
      this.timer = setTimeout(() => {
        this.scan(session, consoleInput.flush());
        if (this.session !== session) this.handOn(consoleInput);
        else this.waitForBracket(session);
      }, ESC_TIMEOUT_MS);
    else this.waitForBracket(session);
  }

  // What was told ended the session: what was typed behind it is no longer the guest's.
  private handOn(input: ConsoleInput): void {
    const rest = input.drain();
    if (rest.length > 0) this.receive(rest);
  }

  private paste(session: ConsoleSession, bytes: Uint8Array | undefined): void {
    const withheld = this.scanner.release();
    if (withheld.length > 0) session.send(withheld);
    session.pasted(bytes);
  }

  private scan(session: ConsoleSession, bytes: Uint8Array): void {
    const result = this.scanner.feed(bytes);
    if (result.send.length > 0) session.send(result.send);
    this.consoleInput.unshift(result.rest);
    if (result.isDetached) this.detach(session);
    else if (result.command !== undefined) session.command(result.command);
  }

  private detach(session: ConsoleSession): void {
    this.session = undefined;
    session.detached();
  }

  private waitForBracket(session: ConsoleSession): void {
    if (!this.scanner.isWaiting) return;
    this.timer = setTimeout(() => {
      if (this.session === session && this.scanner.expire()) this.detach(session);
    }, DETACH_WAIT_MS);
  }

  private receiveKeys(chunk: Uint8Array): void {
    this.decoder.push(chunk);
    for (let event = this.decoder.next(); event; event = this.decoder.next()) {
      this.onEvent(event);
      // That key gave the keyboard to a guest: what was typed behind it is the guest's, byte for byte.
      if (this.session) {
        const rest = this.decoder.drain();
        if (rest.length > 0) this.receiveForGuest(this.session, rest);
        return;
      }
    }
    if (this.decoder.isPending)
      this.timer = setTimeout(() => {
        for (const event of this.decoder.flush()) this.onEvent(event);
      }, ESC_TIMEOUT_MS);
  }
}
