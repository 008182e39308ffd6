/** One request's way back into the guest: a reply in the room that its chain has. */
import type {GuestBytes} from '../virtqueue/buffers.js';
import type {DescriptorChain} from '../virtqueue/chain.js';
import {HEADER_BYTES, MessageWriter, R_ERROR, SHORT_REPLY_BYTES} from './message.js';
import type {Exchange} from './operation.js';

/** See the module. A reply is written once, by `succeed` or `fail`. */
export class ChainExchange implements Exchange {
  readonly reply: MessageWriter;
  readonly #chain: DescriptorChain;
  readonly #type: number;
  readonly #tag: number;
  readonly #roomBytes: number;
  /** Where the header of a reply with data goes, and the data's room. */
  #head: readonly GuestBytes[] | undefined;
  #room: readonly GuestBytes[] = [];
  #filledBytes = 0;

  /** `roomBytes` bounds the reply; at least `SHORT_REPLY_BYTES`. */
  constructor(chain: DescriptorChain, type: number, tag: number, roomBytes: number) {
    this.#chain = chain;
    this.#type = type;
    this.#tag = tag;
    this.#roomBytes = roomBytes;
    this.reply = new MessageWriter(roomBytes - HEADER_BYTES);
  }

  takeRoom(count: number): readonly GuestBytes[] {
    const {writer} = this.#chain;
    this.#head = writer.take(SHORT_REPLY_BYTES);
    this.#room = writer.take(Math.min(count, this.#roomBytes - SHORT_REPLY_BYTES));
    return this.#room;
  }

  takeData(count: number): readonly GuestBytes[] {
    return this.#chain.reader.take(count);
  }

  filled(count: number): void {
    this.#filledBytes = count;
  }

  succeed(): true {
    const type = this.#type + 1;
    if (this.#head !== undefined) {
      this.#writeHead(type, SHORT_REPLY_BYTES + this.#filledBytes, this.#filledBytes);
      let left = this.#filledBytes;
      for (const view of this.#room) {
        const length = Math.min(left, view.length);
        if (length > 0) this.#chain.writer.commit(length === view.length ? view : view.subarray(0, length));
        left -= length;
      }
      return true;
    }
    const body = this.reply.written;
    this.#chain.writer.write(this.#header(type, HEADER_BYTES + body.length));
    this.#chain.writer.write(body);
    return true;
  }

  fail(errno: number): true {
    this.#head ??= this.#chain.writer.take(SHORT_REPLY_BYTES);
    this.#writeHead(R_ERROR, SHORT_REPLY_BYTES, errno);
    return true;
  }

  #header(type: number, size: number): Uint8Array {
    return new MessageWriter(HEADER_BYTES).u32(size).u8(type).u16(this.#tag).written;
  }

  #writeHead(type: number, size: number, value: number): void {
    const bytes = new MessageWriter(SHORT_REPLY_BYTES).u32(size).u8(type).u16(this.#tag).u32(value).written;
    let offset = 0;
    for (const view of this.#head ?? []) {
      view.set(bytes.subarray(offset, offset + view.length));
      this.#chain.writer.commit(view);
      offset += view.length;
    }
  }
}
