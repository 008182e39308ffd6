/** Writes JSON-RPC messages without waiting and gives up on a peer that does not read. */
import type {Socket} from 'node:net';
import {AbstractMessageWriter, type Message, type MessageWriter} from 'vscode-jsonrpc/node';

/**
 * Bytes wait only in the socket's own buffer; when more than `maxBufferedBytes` wait there, `onOverflow` is called
 * and nothing more is written.
 */
export class BoundedWriter extends AbstractMessageWriter implements MessageWriter {
  readonly #socket: Socket;
  readonly #maxBufferedBytes: number;
  readonly #onOverflow: () => void;

  constructor(socket: Socket, maxBufferedBytes: number, onOverflow: () => void) {
    super();
    this.#socket = socket;
    this.#maxBufferedBytes = maxBufferedBytes;
    this.#onOverflow = onOverflow;
  }

  write(message: Message): Promise<void> {
    if (this.#socket.destroyed || !this.#socket.writable) return Promise.resolve();
    const body = JSON.stringify(message);
    this.#socket.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    if (this.#socket.writableLength > this.#maxBufferedBytes) this.#onOverflow();
    return Promise.resolve();
  }

  end(): void {
    this.#socket.end();
  }
}
