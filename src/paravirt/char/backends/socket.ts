/**
 * A unix socket as an endpoint: everybody connected sees the guest's output and may type. A client that does not read is
 * disconnected before it costs more than its bound; the others and the guest notice nothing.
 */
import {lstat, rm} from 'node:fs/promises';
import {createConnection, createServer, type Server, type Socket} from 'node:net';
import {ParavirtError} from '../../error.js';
import type {CharEndpoint, CharEndpointListener} from '../contract.js';
import {AttachedInput} from './attached-input.js';

/** Clients at once; one more is turned away. */
export const SOCKET_CLIENTS_MAX = 8;
/** Output kept for one client that does not read; it is disconnected when it falls behind further. */
export const SOCKET_PENDING_BYTES_MAX = 256 << 10;

interface Client {
  readonly socket: Socket;
  readonly input: AttachedInput;
}

/** A listening socket. */
class SocketEndpoint implements CharEndpoint {
  readonly address: string;
  readonly #server: Server;
  readonly #listener: CharEndpointListener;
  readonly #clients = new Set<Client>();
  #droppedBytes = 0;

  constructor(server: Server, path: string, listener: CharEndpointListener) {
    this.#server = server;
    this.address = path;
    this.#listener = listener;
    server.on('connection', (socket) => this.#accept(socket));
  }

  get attachedCount(): number {
    return this.#clients.size;
  }

  get droppedBytes(): number {
    return this.#droppedBytes;
  }

  write(bytes: Uint8Array): void {
    for (const {socket} of this.#clients) {
      if (socket.writableLength + bytes.length > SOCKET_PENDING_BYTES_MAX) {
        this.#droppedBytes += socket.writableLength + bytes.length;
        socket.destroy();
      } else {
        socket.write(bytes);
      }
    }
  }

  resumeInput(): void {
    for (const {socket, input} of this.#clients) if (input.retry()) socket.resume();
  }

  /** A byte stream has no size. */
  resize(): void {}

  async [Symbol.asyncDispose](): Promise<void> {
    const isClosed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    for (const {socket} of this.#clients) socket.destroy();
    await isClosed;
  }

  #accept(socket: Socket): void {
    // A client that goes away in the middle of a write is no event of ours: 'close' follows.
    socket.on('error', () => {});
    if (this.#clients.size >= SOCKET_CLIENTS_MAX) {
      socket.destroy();
      return;
    }
    const client: Client = {socket, input: new AttachedInput(this.#listener)};
    this.#clients.add(client);
    socket.on('data', (bytes) => {
      // Strings only come to those who set an encoding.
      if (typeof bytes === 'string') return;
      client.input.offer(bytes);
      if (client.input.isBlocked) socket.pause();
    });
    socket.on('close', () => {
      this.#clients.delete(client);
      this.#listener.attachedChanged?.(this.#clients.size);
    });
    this.#listener.attachedChanged?.(this.#clients.size);
  }
}

/**
 * Listens on a unix socket that only this user can connect to (the folder's mode sees to that: 0700 is the caller's).
 * Errors: `in-use` when somebody is listening there already, `bad-option` for a path that is too long, `io` otherwise
 */
export async function openSocket(listener: CharEndpointListener, path: string): Promise<CharEndpoint> {
  // sun_path holds 108 bytes with its NUL; a longer path would be cut silently.
  if (Buffer.byteLength(path) > 107) {
    throw new ParavirtError('bad-option', `The socket path ${path} is too long.`, 'Use at most 107 bytes.');
  }
  if (await isAnswered(path)) {
    throw new ParavirtError('in-use', `Somebody is listening on ${path} already.`, 'Choose another path.');
  }
  const server = createServer();
  try {
    await removeStaleSocket(path);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (error) {
    if (error instanceof ParavirtError) throw error;
    throw new ParavirtError('io', `Cannot listen on ${path}.`, 'Check that its folder exists and is yours.', error);
  }
  return new SocketEndpoint(server, path, listener);
}

/** Removes what a killed process left behind: a socket nobody answers on, and nothing that is no socket. */
async function removeStaleSocket(path: string): Promise<void> {
  const stat = await lstat(path).catch(() => undefined);
  if (stat === undefined) return;
  if (!stat.isSocket()) throw new ParavirtError('in-use', `${path} is no socket.`, 'Choose another path.');
  await rm(path, {force: true});
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
}
