/**
 * Finds an agent's answers in what a guest writes: one JSON object a line. A byte 0xFF, which no JSON has, says that all
 * before it is to be forgotten.
 * Source: QEMU, qga/qapi-schema.json, guest-sync-delimited
 */

/** Longest answer: a piece of a file in base64 with room to spare. A guest that sends more is cut off there. */
export const ANSWER_BYTES_MAX = 512 * 1024;

const DELIMITER = 0xff;
const LINE_FEED = 0x0a;

/** Collects bytes until a line is whole; holds at most `ANSWER_BYTES_MAX` of them. */
export class AgentLines {
  #parts: Uint8Array[] = [];
  #lengthBytes = 0;
  #isTooLong = false;

  /** The lines that are whole now, and `too-long` in the place of one that was longer than allowed. */
  push(bytes: Uint8Array): (string | 'too-long')[] {
    const lines: (string | 'too-long')[] = [];
    let rest = bytes.subarray(bytes.lastIndexOf(DELIMITER) + 1);
    if (rest.length < bytes.length) this.clear();
    for (let end = rest.indexOf(LINE_FEED); end >= 0; end = rest.indexOf(LINE_FEED)) {
      this.#keep(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
      lines.push(this.#isTooLong ? 'too-long' : Buffer.concat(this.#parts).toString('utf8').trim());
      this.clear();
    }
    this.#keep(rest);
    return lines.filter((line) => line !== '');
  }

  clear(): void {
    this.#parts = [];
    this.#lengthBytes = 0;
    this.#isTooLong = false;
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.#isTooLong) return;
    this.#lengthBytes += bytes.length;
    this.#isTooLong = this.#lengthBytes > ANSWER_BYTES_MAX;
    if (this.#isTooLong) this.#parts = [];
    else this.#parts.push(bytes);
  }
}
