/**
 * Watches the bytes of a JSON-RPC connection on their way to the library's reader, which itself has no bounds: a
 * header or a message above its bound is reported before the reader has buffered it.
 */

/** Longest header block of one message: two short lines in practice. */
const MAX_HEADER_BYTES = 512;

const LINE_FEED = 10;

/** See the module. One guard per connection and direction. */
export class FrameGuard {
  readonly #maxMessageBytes: number;
  #header = '';
  #bodyBytesLeft = 0;

  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** Accounts for the next bytes; answers with the sentence that says what is wrong with them, if anything is. */
  accept(bytes: Uint8Array): string | undefined {
    let position = 0;
    while (position < bytes.length) {
      if (this.#bodyBytesLeft > 0) {
        const taken = Math.min(this.#bodyBytesLeft, bytes.length - position);
        this.#bodyBytesLeft -= taken;
        position += taken;
        continue;
      }
      const byte = bytes[position++] ?? 0;
      this.#header += String.fromCharCode(byte);
      if (this.#header.length > MAX_HEADER_BYTES) return 'A message header is too long.';
      if (byte !== LINE_FEED || !this.#header.endsWith('\r\n\r\n')) continue;
      const length = Number(/^content-length:\s*(\d{1,15})\s*$/im.exec(this.#header)?.[1] ?? Number.NaN);
      if (!(length > 0)) return 'A message has no length.';
      if (length > this.#maxMessageBytes)
        return `A message of ${length} bytes is larger than the allowed ${this.#maxMessageBytes}.`;
      this.#header = '';
      this.#bodyBytesLeft = length;
    }
    return undefined;
  }
}
