/**
 * Removes from a guest's raw output what would act on the host terminal beyond its screen: titles, clipboard writes and
 * every other OSC, DCS, APC, PM and SOS string, and queries that make the terminal type an answer.
 * Colours, cursor movement and modes pass.
 *
 * ```
 *  text --ESC--> escape --[--> csi --final--> text
 *    ▲             ├--] P X ^ _--> string --BEL / ESC \--> text
 *    └--any other--┘
 * ```
 * Bounds: a CSI longer than 64 bytes is dropped; a string is never stored.
 */

const ESC = 0x1b;
const BEL = 0x07;
const ENQ = 0x05;
const CAN = 0x18;
const QUESTION_MARK = 0x3f;
const SUB = 0x1a;
const MAX_CSI_BYTES = 64;

// CSI finals that ask for an answer: DA, DSR, window reports, DECREQTPARM, XTVERSION, DECRQM, kitty keyboard query.
function isQuery(sequence: readonly number[]): boolean {
  const final = String.fromCharCode(sequence.at(-1) ?? 0);
  const body = String.fromCharCode(...sequence.slice(2, -1));
  if (final === 'c' || final === 'n' || final === 't' || final === 'x') return true;
  if (final === 'q') return body.startsWith('>');
  if (final === 'p') return body.endsWith('$');
  return final === 'u' && /^[?<>=]/.test(body);
}

/** Bytes that are not simply shown in text. */
function isSpecial(byte: number): boolean {
  return byte === ESC || byte === ENQ || byte === 0xc2;
}

/** What may be shown of a piece, and of a sequence that began before it. */
class Shown {
  readonly #bytes: Uint8Array;
  #length = 0;

  constructor(pieceBytes: number) {
    // Nothing is shown that did not come: of earlier pieces a sequence may be held, or the head of a character.
    this.#bytes = new Uint8Array(pieceBytes + MAX_CSI_BYTES + 1);
  }

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  push(...bytes: readonly number[]): void {
    for (const byte of bytes) this.#bytes[this.#length++] = byte;
  }

  append(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }
}

/** Modes of terminals that a guest's program may have left on: what keys and mouse send, colours, margins. */
const MODES = [1, 5, 69, 1000, 1002, 1003, 1004, 1005, 1006, 1015, 1016, 2004];

/**
 * Puts back what a guest's program may have left switched on in the terminal of somebody who leaves its console: the modes; by a
 * soft reset margins, origin and character sets; what some terminals do not take from that, insertion, keypad, colours, cursor and
 * wrapping; last what keys with modifiers send and the cursor's form.
 * Source: xterm, ctlseqs
 */
const TERMINAL_RESTORE = `${MODES.map((mode) => `\x1b[?${mode}l`).join('')}\x1b[!p\x1b[4l\x1b>\x1b(B\x0f\x1b[0m\x1b[?25h\x1b[?7h\x1b[>4m\x1b[0 q\r\n`;

/** Incremental filter; bytes may come in any pieces. */
export class GuestFilter {
  private state: 'text' | 'escape' | 'csi' | 'string' | 'stringEscape' | 'c2' = 'text';
  private held: number[] = [];
  private isAlternate = false;

  /** For the terminal of somebody who leaves: also its own screen, which must not be asked for where it is shown. */
  get restore(): string {
    return `${this.isAlternate ? '\x1b[?1049l' : ''}${TERMINAL_RESTORE}`;
  }

  /** Returns the bytes that may be shown. Text between sequences is copied at once: each viewer of a console has a filter. */
  feed(bytes: Uint8Array): Uint8Array {
    const out = new Shown(bytes.length);
    for (let at = 0; at < bytes.length; ) {
      if (this.state !== 'text') {
        this.step(bytes[at++]!, out);
        continue;
      }
      const start = at;
      while (at < bytes.length && !isSpecial(bytes[at]!)) at++;
      out.append(bytes.subarray(start, at));
      if (at < bytes.length) this.step(bytes[at++]!, out);
    }
    return out.bytes;
  }

  private step(byte: number, out: Shown): void {
    switch (this.state) {
      case 'text':
        if (byte === ESC) this.begin('escape', byte);
        else if (byte === 0xc2) this.begin('c2', byte);
        else if (byte !== ENQ) out.push(byte);
        return;
      case 'c2':
        // U+0080–U+009F in UTF-8 are the 8-bit forms of ESC sequences.
        this.state = 'text';
        if (byte >= 0xa0 && byte <= 0xbf) out.push(0xc2, byte);
        else if (byte < 0x80 || byte > 0xbf) {
          // Broken UTF-8: the head is dropped, or it could meet another tail once something between is removed.
          this.step(byte, out);
        } else if ([0x90, 0x98, 0x9d, 0x9e, 0x9f].includes(byte)) this.state = 'string';
        else if (byte === 0x9b) {
          this.held = [ESC, 0x5b];
          this.state = 'csi';
        }
        return;
      case 'escape':
        this.stepEscape(byte, out);
        return;
      case 'csi':
        this.stepCsi(byte, out);
        return;
      case 'string':
        if (byte === BEL || byte === CAN || byte === SUB) this.state = 'text';
        else if (byte === ESC) this.state = 'stringEscape';
        return;
      case 'stringEscape':
        // ESC \ ends the string; any other ESC sequence aborts it and counts by itself.
        this.state = 'text';
        if (byte !== 0x5c) {
          this.begin('escape', ESC);
          this.stepEscape(byte, out);
        }
    }
  }

  private begin(state: 'escape' | 'c2', byte: number): void {
    this.state = state;
    this.held = [byte];
  }

  private stepEscape(byte: number, out: Shown): void {
    if (byte === ESC) return;
    if (byte < 0x20) {
      this.stepControl(byte, out);
      return;
    }
    if (byte >= 0x7f) {
      this.state = 'text';
      this.step(byte, out);
      return;
    }
    if (byte === 0x5b) {
      this.held.push(byte);
      this.state = 'csi';
      return;
    }
    if ([0x50, 0x58, 0x5d, 0x5e, 0x5f].includes(byte)) {
      this.state = 'string';
      return;
    }
    this.state = 'text';
    // ESC Z asks for the terminal's identity.
    if (byte !== 0x5a) out.push(ESC, byte);
  }

  private stepCsi(byte: number, out: Shown): void {
    if (byte === ESC) {
      this.begin('escape', byte);
      return;
    }
    if (byte < 0x20) {
      this.stepControl(byte, out);
      return;
    }
    if (byte >= 0x7f) {
      // No byte of a CSI: a terminal may take it for an 8-bit control, so the sequence ends here unseen.
      this.state = 'text';
      this.step(byte, out);
      return;
    }
    this.held.push(byte);
    const isFinal = byte >= 0x40 && byte <= 0x7e;
    if (!isFinal && this.held.length <= MAX_CSI_BYTES) return;
    this.state = 'text';
    if (!isFinal || this.held.length > MAX_CSI_BYTES || isQuery(this.held)) return;
    if (this.held[2] === QUESTION_MARK) this.noteScreen(String.fromCharCode(...this.held));
    out.push(...this.held);
  }

  private noteScreen(sequence: string): void {
    const [, modes = '', final] = /\?([\d;]*)([hl])$/.exec(sequence) ?? [];
    if (modes.split(';').some((mode) => mode === '47' || mode === '1047' || mode === '1049'))
      this.isAlternate = final === 'h';
  }

  // Terminals obey control characters inside a sequence at once and then go on with it; CAN and SUB end it.
  private stepControl(byte: number, out: Shown): void {
    if (byte === CAN || byte === SUB) this.state = 'text';
    else if (byte !== ENQ) out.push(byte);
  }
}
