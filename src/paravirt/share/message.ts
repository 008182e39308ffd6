/**
 * Messages of 9P2000.L: `size[4] type[1] tag[2] …`, little-endian; a string is `length[2] bytes`. Reading never goes
 * beyond the message: what is missing reads as nothing and marks it broken, which whoever parses it looks at last.
 * Source: diod protocol.md (9P2000.L); Plan 9 manual, section 5
 */

import {ERRNO} from './errno.js';
import {ShareError} from './share-error.js';

/** Bytes before a message's own fields. */
export const HEADER_BYTES = 7;
/** Size of a reply that holds one number, as errors do: also the least room a driver has to leave. */
export const SHORT_REPLY_BYTES = 11;
/** Type of the reply that says what went wrong; every other reply has its request's type + 1. */
export const R_ERROR = 7;

const decoder = new TextDecoder('utf-8', {fatal: true});

/** Takes a message apart. */
export class MessageReader {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  #offset = 0;
  #isBroken = false;

  /** `bytes` must be a copy that nobody changes. */
  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** A field lay beyond the end, or was no text. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  u8(): number {
    return this.#has(1) ? this.#view.getUint8(this.#offset++) : 0;
  }

  u16(): number {
    return this.#has(2) ? this.#view.getUint16(this.#advance(2), true) : 0;
  }

  u32(): number {
    return this.#has(4) ? this.#view.getUint32(this.#advance(4), true) : 0;
  }

  /** Exact up to 2^53; what is larger is no offset or time that any host takes. */
  u64(): number {
    const low = this.u32();
    return this.u32() * 0x1_0000_0000 + low;
  }

  /** Text of at most `bytesMax` bytes; longer ones, and what is not UTF-8, break the message. */
  text(bytesMax: number): string {
    const length = this.u16();
    if (length > bytesMax || !this.#has(length)) {
      this.#isBroken = true;
      return '';
    }
    const at = this.#advance(length);
    try {
      return decoder.decode(this.#bytes.subarray(at, at + length));
    } catch {
      this.#isBroken = true;
      return '';
    }
  }

  #advance(count: number): number {
    const at = this.#offset;
    this.#offset += count;
    return at;
  }

  #has(count: number): boolean {
    if (this.#offset + count <= this.#bytes.length) return true;
    this.#isBroken = true;
    return false;
  }
}

/** Identity of a file: `type[1] version[4] path[8]`. */
export interface Qid {
  readonly type: number;
  readonly path: bigint;
}

/** Bytes of a `Qid`. */
export const QID_BYTES = 13;
/** Bits of `Qid.type`. */
export const QID_TYPE = {DIRECTORY: 0x80, SYMLINK: 0x02, FILE: 0} as const;

const FIRST_BYTES = 256;

/**
 * Puts a message's own fields together. Grows up to a bound.
 * Errors: ShareError EMSGSIZE beyond it
 */
export class MessageWriter {
  readonly #boundBytes: number;
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #offset = 0;

  constructor(boundBytes: number) {
    this.#boundBytes = boundBytes;
    this.#bytes = new Uint8Array(Math.min(FIRST_BYTES, boundBytes));
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** What was written so far. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#offset);
  }

  /** How much more it takes. Units: bytes */
  get roomBytes(): number {
    return this.#boundBytes - this.#offset;
  }

  u8(value: number): this {
    const at = this.#advance(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.#advance(2);
    this.#view.setUint16(at, value, true);
    return this;
  }

  u32(value: number): this {
    const at = this.#advance(4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  u64(value: bigint): this {
    const at = this.#advance(8);
    this.#view.setBigUint64(at, BigInt.asUintN(64, value), true);
    return this;
  }

  text(text: string): this {
    const bytes = new TextEncoder().encode(text);
    this.u16(bytes.length);
    const at = this.#advance(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  qid({type, path}: Qid): this {
    return this.u8(type).u32(0).u64(path);
  }

  /** May exchange bytes and view: call it before touching either. */
  #advance(count: number): number {
    const at = this.#offset;
    const end = at + count;
    if (end > this.#boundBytes) throw new ShareError(ERRNO.EMSGSIZE);
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.min(this.#boundBytes, Math.max(end, 2 * this.#bytes.length)));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    this.#offset = end;
    return at;
  }
}
