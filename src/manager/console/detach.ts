/**
 * Finds the detach chord in what a person types at a guest: `Ctrl-]` (pressed twice it is sent instead), or `~.` at the
 * start of a line (`~~` sends one `~`). An owner may know more letters behind `~`.
 *
 * ```
 *  start-of-line --~--> tilde --.--> DETACH          any --Ctrl-]--> bracket --Ctrl-]--> any (sends one)
 *                         ├--a command's--> COMMAND                    └--else / timeout--> DETACH
 *                         └--else--> line (sends ~x)
 * ```
 */

/**
 * What became of some typed bytes: `send` goes to the guest. After `isDetached`, or with a `command`, what follows is in
 * `rest` and was not looked at; after `isDetached` it is no longer the guest's.
 */
export interface DetachResult {
  readonly send: Uint8Array;
  readonly isDetached: boolean;
  readonly command: string | undefined;
  readonly rest: Uint8Array;
}

const CTRL_BRACKET = 0x1d;
const TILDE = 0x7e;
const DOT = 0x2e;
const CR = 0x0d;
const LF = 0x0a;

/** How long a single `Ctrl-]` waits for its second press. */
export const DETACH_WAIT_MS = 250;

/** Scanner for one console session. Bytes other than the chord pass unchanged, valid UTF-8 or not. */
export class DetachScanner {
  private state: 'start' | 'line' | 'tilde' | 'bracket' = 'start';
  private readonly commands: ReadonlySet<number>;

  /** `commands`: characters that behind a `~` at the start of a line are for the owner. */
  constructor(commands = '') {
    this.commands = new Set(Buffer.from(commands));
  }

  /** True while a single `Ctrl-]` waits: the owner calls {@link expire} after `DETACH_WAIT_MS`. */
  get isWaiting(): boolean {
    return this.state === 'bracket';
  }

  /** The wait for a second `Ctrl-]` is over. Returns true when that detaches. */
  expire(): boolean {
    if (this.state !== 'bracket') return false;
    this.state = 'start';
    return true;
  }

  /** Gives up the chord that may have begun: something that was not typed comes next. Returns what it withheld. */
  release(): Uint8Array {
    const withheld = this.state === 'tilde' ? [TILDE] : this.state === 'bracket' ? [CTRL_BRACKET] : [];
    this.state = 'line';
    return Uint8Array.from(withheld);
  }

  /** Scans typed bytes. */
  feed(bytes: Uint8Array): DetachResult {
    const send: number[] = [];
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0;
      if (this.state === 'bracket') {
        if (byte !== CTRL_BRACKET) return this.ended(send, bytes.subarray(at));
        send.push(byte);
        this.state = 'line';
      } else if (byte === CTRL_BRACKET) {
        if (this.state === 'tilde') send.push(TILDE);
        this.state = 'bracket';
      } else if (this.state === 'tilde') {
        if (byte === DOT) return this.ended(send, bytes.subarray(at + 1));
        if (this.commands.has(byte)) return this.ended(send, bytes.subarray(at + 1), String.fromCharCode(byte));
        if (byte !== TILDE) send.push(TILDE);
        send.push(byte);
        this.state = byte === CR || byte === LF ? 'start' : 'line';
      } else if (this.state === 'start' && byte === TILDE) {
        this.state = 'tilde';
      } else {
        send.push(byte);
        this.state = byte === CR || byte === LF ? 'start' : 'line';
      }
    }
    return {send: Uint8Array.from(send), isDetached: false, command: undefined, rest: new Uint8Array()};
  }

  private ended(send: readonly number[], rest: Uint8Array, command?: string): DetachResult {
    this.state = 'start';
    return {send: Uint8Array.from(send), isDetached: command === undefined, command, rest};
  }
}
