/**
 * Takes apart what a terminal sends while a guest has the keyboard: bytes for the guest, and what is the UI's own:
 * Shift-PgUp and Shift-PgDn, mouse reports, and pastes in brackets.
 *
 * State: bytes that may be the head of one of those; the owner calls `flush` when none followed in time.
 * Bounds: a head is at most 32 bytes, a paste is kept up to `MAX_PASTE_BYTES`; of a longer one nothing is.
 */
import {type MouseEvent, parseMouseReport} from './key-decoder.js';

/** Longest paste that is typed into a guest. Units: bytes */
export const MAX_PASTE_BYTES = 1_048_576;

/** A piece of input. `bytes` of a paste are what stood between its brackets; without any it was too long. */
export type ConsoleToken =
  | {readonly kind: 'bytes'; readonly bytes: Uint8Array}
  | {readonly kind: 'scroll'; readonly by: -1 | 1}
  | {readonly kind: 'mouse'; readonly event: MouseEvent}
  | {readonly kind: 'paste'; readonly bytes: Uint8Array | undefined};

const ESC = 0x1b;
const MAX_HEAD_BYTES = 32;
const PASTE_END = Buffer.from('\x1b[201~');
const PASTE_START = '\x1b[200~';
const SCROLL_UP = '\x1b[5;2~';
const SCROLL_DOWN = '\x1b[6;2~';
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for
const MOUSE = /^\x1b\[<(\d{1,5};\d{1,5};\d{1,5})([Mm])/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for
const MOUSE_HEAD = /^\x1b\[<[\d;]*$/;

/** Incremental; feed it bytes in any pieces. */
export class ConsoleInput {
  #pending: Uint8Array = new Uint8Array();
  #paste: Uint8Array[] | undefined;
  #pasteBytes = 0;

  /** True while bytes wait for what may follow them. A paste waits for its end however long that takes. */
  get isPending(): boolean {
    return this.#pending.length > 0 && this.#paste === undefined;
  }

  push(bytes: Uint8Array): void {
    this.#pending = this.#pending.length === 0 ? Uint8Array.from(bytes) : Buffer.concat([this.#pending, bytes]);
  }

  /** Puts bytes back in front of what is left. */
  unshift(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#pending = Buffer.concat([bytes, this.#pending]);
  }

  /** The next piece, or `undefined` when what is left is unfinished. */
  next(): ConsoleToken | undefined {
    if (this.#paste !== undefined) return this.#takePaste(this.#paste);
    if (this.#pending.length === 0) return undefined;
    const at = this.#pending.indexOf(ESC);
    if (at < 0) return {kind: 'bytes', bytes: this.drain()};
    if (at > 0) return {kind: 'bytes', bytes: this.#take(at)};
    return this.#takeEscape();
  }

  /** Gives back what is left, as it came. */
  drain(): Uint8Array {
    const rest = this.#pending;
    this.#pending = new Uint8Array();
    return rest;
  }

  /** Nothing followed: what waited was meant as it is. */
  flush(): Uint8Array {
    return this.#paste === undefined ? this.drain() : new Uint8Array();
  }

  #take(count: number): Uint8Array {
    const taken = this.#pending.subarray(0, count);
    this.#pending = this.#pending.subarray(count);
    return taken;
  }

  #takeEscape(): ConsoleToken | undefined {
    const head = Buffer.from(this.#pending.subarray(0, MAX_HEAD_BYTES)).toString('latin1');
    if (head.startsWith(SCROLL_UP) || head.startsWith(SCROLL_DOWN)) {
      this.#take(SCROLL_UP.length);
      return {kind: 'scroll', by: head.startsWith(SCROLL_UP) ? -1 : 1};
    }
    if (head.startsWith(PASTE_START)) {
      this.#take(PASTE_START.length);
      this.#paste = [];
      this.#pasteBytes = 0;
      return this.#takePaste(this.#paste);
    }
    const mouse = MOUSE.exec(head);
    if (mouse) {
      this.#take(mouse[0].length);
      const event = parseMouseReport(mouse[1] ?? '', mouse[2] ?? '');
      return event ? {kind: 'mouse', event} : this.next();
    }
    const isHead =
      this.#pending.length < MAX_HEAD_BYTES &&
      ([PASTE_START, SCROLL_UP, SCROLL_DOWN].some((whole) => whole.startsWith(head)) || MOUSE_HEAD.test(head));
    if (isHead) return undefined;
    const next = this.#pending.indexOf(ESC, 1);
    return {kind: 'bytes', bytes: this.#take(next < 0 ? this.#pending.length : next)};
  }

  #takePaste(paste: Uint8Array[]): ConsoleToken | undefined {
    const end = Buffer.from(this.#pending).indexOf(PASTE_END);
    // What may be the head of the end stays for the next piece.
    const kept = end >= 0 ? 0 : headLength(this.#pending);
    const piece = this.#take(end >= 0 ? end : this.#pending.length - kept);
    this.#pasteBytes += piece.length;
    if (this.#pasteBytes <= MAX_PASTE_BYTES) paste.push(Uint8Array.from(piece));
    else paste.length = 0;
    if (end < 0) return undefined;
    this.#take(PASTE_END.length);
    this.#paste = undefined;
    return {kind: 'paste', bytes: this.#pasteBytes <= MAX_PASTE_BYTES ? Buffer.concat(paste) : undefined};
  }
}

/** How many of the last bytes are the beginning of a paste's end. */
function headLength(bytes: Uint8Array): number {
  for (let length = Math.min(PASTE_END.length - 1, bytes.length); length > 0; length--)
    if (PASTE_END.subarray(0, length).equals(bytes.subarray(bytes.length - length))) return length;
  return 0;
}
