/** A server of the host, on its loopback, for one connection at a time. */
import {createServer, type Server, type Socket} from 'node:net';

/** See the module. */
export class HostPeer implements AsyncDisposable {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets: Socket[] = [];
  readonly #waiters: ((socket: Socket) => void)[] = [];

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  /** Sockets are not read until somebody listens for data, and stay half open. */
  static async start(): Promise<HostPeer> {
    const server = createServer({allowHalfOpen: true});
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const bound = server.address();
    if (bound === null || typeof bound === 'string') throw new Error('no port');
    const peer = new HostPeer(server, bound.port);
    server.on('connection', (socket) => {
      socket.on('error', () => undefined);
      const waiter = peer.#waiters.shift();
      if (waiter === undefined) peer.#sockets.push(socket);
      else waiter(socket);
    });
    return peer;
  }

  /** The next connection that nobody has had yet. */
  accept(): Promise<Socket> {
    const there = this.#sockets.shift();
    if (there !== undefined) return Promise.resolve(there);
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

/** Everything a socket sends until its end. */
export async function readAll(socket: Socket): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  // Otherwise the end of reading would be the end of the socket.
  for await (const chunk of socket.iterator({destroyOnReturn: false})) chunks.push(chunk as Buffer);
  return new Uint8Array(Buffer.concat(chunks));
}

/** Resolves when a socket is closed, however. */
export function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once('close', () => resolve());
  });
}
