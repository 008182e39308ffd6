/**
 * The one reader of raw standard input.
 *
 * ```
 *  keys ──enterConsole──▶ console (every byte to the guest)
 *    ▲                       │
 *    └──── detach chord ─────┘  bytes typed after the chord are keys again
 * ```
 */
import {DETACH_WAIT_MS, DetachScanner} from '../../manager/client.js';
import {type InputEvent, KeyDecoder} from './key-decoder.js';

/** How long a lone ESC waits for the rest of a sequence. */
export const ESC_TIMEOUT_MS = 35;

/** Where bytes come from; `process.stdin` in raw mode is one. */
export interface ByteSource {
  on(event: 'data', listener: (chunk: Uint8Array) => void): unknown;
  off(event: 'data', listener: (chunk: Uint8Array) => void): unknown;
}

/** The guest's side of a console session. */
export interface ConsoleSession {
  send(bytes: Uint8Array): void;
  detached(): void;
}

/** Routes input bytes to the key listener or, during a console session, to the guest. */
export class StdinRouter implements Disposable {
  private readonly source: ByteSource;
  private readonly onEvent: (event: InputEvent) => void;
  private readonly decoder = new KeyDecoder();
  private session: ConsoleSession | undefined;
  private scanner = new DetachScanner();
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
    this.scanner = new DetachScanner();
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
    const result = this.scanner.feed(chunk);
    if (result.send.length > 0) session.send(result.send);
    if (result.isDetached) {
      this.detach(session);
      if (result.rest.length > 0) this.receiveKeys(result.rest);
    } else if (this.scanner.isWaiting) {
      this.timer = setTimeout(() => {
        if (this.scanner.expire()) this.detach(session);
      }, DETACH_WAIT_MS);
    }
  }

  private detach(session: ConsoleSession): void {
    this.session = undefined;
    session.detached();
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
