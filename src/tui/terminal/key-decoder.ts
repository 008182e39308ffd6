/**
 * Turns the bytes of a terminal's keyboard into events, one event per key.
 *
 * State: the bytes of an unfinished sequence. A lone ESC is unfinished; the owner calls `flush` when no byte followed
 * within the Esc timeout. Bounds: an unfinished sequence is cut at 64 bytes, a paste at 1 MiB.
 */

/** A key: canonical name (`up`, `ctrl-c`, `alt-x`, `shift-tab`, `f5`, `G`, `/`, `space`) and the text it types. */
export interface KeyEvent {
  readonly kind: 'key';
  readonly key: string;
  readonly text: string;
}

/** A mouse report (SGR). Units: cells from 0. */
export interface MouseEvent {
  readonly kind: 'mouse';
  readonly action: 'press' | 'release' | 'move' | 'wheel-up' | 'wheel-down';
  readonly button: number;
  readonly x: number;
  readonly y: number;
}

/** Text that came in a bracketed paste, as bytes and as text. */
export interface PasteEvent {
  readonly kind: 'paste';
  readonly text: string;
}

/** What the decoder yields. */
export type InputEvent = KeyEvent | MouseEvent | PasteEvent;

const MAX_SEQUENCE_BYTES = 64;
const MAX_PASTE_BYTES = 1_048_576;
const ESC = 0x1b;

const CSI_FINAL: Readonly<Record<string, string>> = {
  A: 'up',
  B: 'down',
  C: 'right',
  D: 'left',
  H: 'home',
  F: 'end',
  Z: 'shift-tab',
  P: 'f1',
  Q: 'f2',
  R: 'f3',
  S: 'f4',
  E: 'begin',
};

const CSI_TILDE: Readonly<Record<number, string>> = {
  1: 'home',
  2: 'insert',
  3: 'delete',
  4: 'end',
  5: 'pageup',
  6: 'pagedown',
  7: 'home',
  8: 'end',
  11: 'f1',
  12: 'f2',
  13: 'f3',
  14: 'f4',
  15: 'f5',
  17: 'f6',
  18: 'f7',
  19: 'f8',
  20: 'f9',
  21: 'f10',
  23: 'f11',
  24: 'f12',
};

const CONTROL_NAMES: Readonly<Record<number, string>> = {
  0: 'ctrl-space',
  8: 'backspace',
  9: 'tab',
  10: 'enter',
  13: 'enter',
  28: 'ctrl-\\',
  29: 'ctrl-]',
  30: 'ctrl-^',
  31: 'ctrl-_',
  127: 'backspace',
};

// xterm's modifier parameter: 1 + shift 1 + alt 2 + ctrl 4.
function withModifiers(name: string, parameter: number): string {
  const bits = Math.max(0, parameter - 1);
  let prefix = '';
  if (bits & 4) prefix += 'ctrl-';
  if (bits & 2) prefix += 'alt-';
  if (bits & 1) prefix += 'shift-';
  return prefix + name;
}

function key(name: string, text = ''): KeyEvent {
  return {kind: 'key', key: name, text};
}

/** Incremental decoder; feed it bytes in any pieces. */
export class KeyDecoder {
  private pending: number[] = [];
  private paste: number[] | undefined;

  /** True while bytes of an unfinished sequence wait for more: the owner starts its Esc timer. */
  get isPending(): boolean {
    return this.pending.length > 0;
  }

  /** Decodes what is complete after these bytes. */
  feed(bytes: Uint8Array): InputEvent[] {
    this.push(bytes);
    const events: InputEvent[] = [];
    for (let event = this.next(); event; event = this.next()) events.push(event);
    return events;
  }

  /** Takes bytes in without decoding them yet. */
  push(bytes: Uint8Array): void {
    for (const byte of bytes) this.pending.push(byte);
  }

  /** Decodes one event, or returns `undefined` when what is left is unfinished. */
  next(): InputEvent | undefined {
    while (this.pending.length > 0) {
      const before = this.pending.length;
      const event = this.paste ? this.takePaste() : this.take();
      if (event) return event;
      if (this.pending.length === before) return undefined;
    }
    return undefined;
  }

  /** Gives back the bytes that were not decoded. */
  drain(): Uint8Array {
    const rest = Uint8Array.from(this.pending);
    this.pending = [];
    return rest;
  }

  /** Ends an unfinished sequence: a lone ESC is the Esc key, anything else is dropped. */
  flush(): InputEvent[] {
    const [first, second] = this.pending;
    const isLoneEsc = first === ESC && (second === undefined || (second === ESC && this.pending.length === 2));
    const isAltBracket = first === ESC && this.pending.length === 2 && (second === 0x5b || second === 0x4f);
    this.pending = [];
    if (isLoneEsc) return [key('esc')];
    if (isAltBracket && second !== undefined) return [key(`alt-${String.fromCharCode(second)}`)];
    return [];
  }

  private drop(count: number): void {
    this.pending.splice(0, count);
  }

  private take(): InputEvent | undefined {
    const first = this.pending[0];
    if (first === undefined) return undefined;
    if (first === ESC) return this.takeEscape();
    if (first < 0x20 || first === 0x7f) {
      this.drop(1);
      const name = CONTROL_NAMES[first] ?? `ctrl-${String.fromCharCode(first + 0x60)}`;
      return key(name);
    }
    return this.takeText();
  }

  private takeText(): InputEvent | undefined {
    const first = this.pending[0] ?? 0;
    const length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
    for (let index = 1; index < length; index++) {
      const next = this.pending[index];
      if (next === undefined) return undefined;
      if ((next & 0xc0) !== 0x80) {
        // A broken sequence: drop its head, the rest is read anew.
        this.drop(index);
        return undefined;
      }
    }
    const text = new TextDecoder().decode(Uint8Array.from(this.pending.slice(0, length)));
    this.drop(length);
    if (text === '\ufffd') return undefined;
    return key(text === ' ' ? 'space' : text, text);
  }

  private takeEscape(): InputEvent | undefined {
    const second = this.pending[1];
    if (second === undefined) return undefined;
    if (second === 0x5b) return this.takeCsi();
    if (second === 0x4f) return this.takeSs3();
    if (second === ESC) {
      // ESC ESC: the first is a key of its own once more follows.
      if (this.pending.length === 2) return undefined;
      this.drop(1);
      return key('esc');
    }
    this.drop(1);
    const inner = this.take();
    if (inner?.kind === 'key') return key(`alt-${inner.key}`);
    if (inner === undefined && this.pending.length > 0) this.pending.unshift(ESC);
    return inner;
  }

  private takeSs3(): InputEvent | undefined {
    const final = this.pending[2];
    if (final === undefined) return undefined;
    this.drop(3);
    const name = CSI_FINAL[String.fromCharCode(final)];
    if (name) return key(name);
    return final === 0x4d ? key('enter') : undefined;
  }

  private takeCsi(): InputEvent | undefined {
    let end = 2;
    for (;;) {
      const byte = this.pending[end];
      if (byte === undefined) {
        if (end > MAX_SEQUENCE_BYTES) this.pending = [];
        return undefined;
      }
      if (byte >= 0x40 && byte <= 0x7e && !(end === 2 && byte === 0x5b)) break;
      if (byte < 0x20 || byte > 0x7e) {
        // A control byte inside: whatever this was, it ended here.
        this.drop(end);
        return undefined;
      }
      end++;
    }
    const body = String.fromCharCode(...this.pending.slice(2, end));
    const final = String.fromCharCode(this.pending[end] ?? 0);
    this.drop(end + 1);
    return this.csiEvent(body, final);
  }

  private csiEvent(body: string, final: string): InputEvent | undefined {
    if (body.startsWith('<')) return parseMouseReport(body.slice(1), final);
    // Linux console function keys: CSI [ A … E.
    if (body.startsWith('[')) return 'ABCDE'.includes(final) ? key(`f${'ABCDE'.indexOf(final) + 1}`) : undefined;
    const params = body.split(';').map((part) => Number.parseInt(part, 10) || 0);
    if (final === '~') {
      if (params[0] === 200) {
        this.paste = [];
        return undefined;
      }
      const name = CSI_TILDE[params[0] ?? 0];
      return name ? key(withModifiers(name, params[1] ?? 1)) : undefined;
    }
    const name = CSI_FINAL[final];
    // CSI I / O are focus reports, CSI … R is also a cursor report: neither is a key.
    if (!name || (final === 'R' && params.length > 1 && params[0] !== 1)) return undefined;
    return key(withModifiers(name, params[1] ?? 1));
  }

  private takePaste(): InputEvent | undefined {
    const paste = this.paste ?? [];
    const end = [0x1b, 0x5b, 0x32, 0x30, 0x31, 0x7e];
    while (this.pending.length > 0) {
      if (this.pending[0] === ESC) {
        const head = this.pending.slice(0, end.length);
        if (head.every((byte, index) => byte === end[index])) {
          if (head.length < end.length) return undefined;
          this.drop(end.length);
          this.paste = undefined;
          return {kind: 'paste', text: new TextDecoder().decode(Uint8Array.from(paste))};
        }
      }
      const byte = this.pending.shift();
      if (byte !== undefined && paste.length < MAX_PASTE_BYTES) paste.push(byte);
    }
    return undefined;
  }
}

/** A mouse report in SGR form: the numbers after `CSI <`, and the letter that ends it. */
export function parseMouseReport(body: string, final: string): MouseEvent | undefined {
  const [code = 0, column = 1, row = 1] = body.split(';').map((part) => Number.parseInt(part, 10) || 0);
  const at = {x: column - 1, y: row - 1, button: code & 3};
  if (final !== 'M' && final !== 'm') return undefined;
  if (code & 64) return {kind: 'mouse', action: code & 1 ? 'wheel-down' : 'wheel-up', ...at};
  if (final === 'm') return {kind: 'mouse', action: 'release', ...at};
  return {kind: 'mouse', action: code & 32 ? 'move' : 'press', ...at};
}
