/** Accepts clients on the daemon's socket and tells them what they subscribed to. */
import {chmodSync, rmSync} from 'node:fs';
import {createServer, type Server as NetServer, type Socket} from 'node:net';
import type {z} from 'zod';
import {daemonEnding} from '../protocol/daemon.js';
import type {NotificationType} from '../protocol/define.js';
import type {Topic} from '../protocol/events.js';
import {Channel, type ChannelBounds} from '../rpc/channel.js';
import {Connection} from './connection.js';
import {type HandlerTable, route} from './router.js';

/** What a server is made of. */
export interface ServerOptions {
  readonly socketPath: string;
  readonly bounds: ChannelBounds;
  readonly maxClients: number;
  readonly handlers: HandlerTable;
  readonly onViewerGone: (viewerId: string) => void;
  readonly onViewerDrained: (viewerId: string) => void;
}

/** See the module. */
export class Server {
  readonly #options: ServerOptions;
  readonly #server: NetServer;
  readonly #connections = new Set<Connection>();

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  get clientCount(): number {
    return this.#connections.size;
  }

  /** Listens. The caller holds the daemon lock, so a socket file that is there belongs to nobody. */
  async listen(): Promise<void> {
    const {socketPath} = this.#options;
    rmSync(socketPath, {force: true});
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(socketPath, resolve);
    });
    // The folder is 0700 already; this holds where that is not looked at.
    chmodSync(socketPath, 0o600);
  }

  /** Sends to every client that subscribed to the topic. */
  broadcast<Type extends NotificationType>(topic: Topic, type: Type, payload: z.input<Type['params']>): void {
    for (const connection of this.#connections) if (connection.wants(topic)) connection.channel.notify(type, payload);
  }

  /** Says good-bye and closes; what was already written still reaches the clients. */
  close(): void {
    this.#server.close();
    for (const {channel} of this.#connections) {
      channel.notify(daemonEnding, {});
      channel.end();
    }
  }

  #accept(socket: Socket): void {
    if (this.#connections.size >= this.#options.maxClients) {
      socket.destroy();
      return;
    }
    const channel = new Channel(socket, this.#options.bounds);
    const connection = new Connection(channel);
    this.#connections.add(connection);
    route(channel, connection, this.#options.handlers);
    channel.onDrain(() => {
      for (const viewerId of connection.viewers) this.#options.onViewerDrained(viewerId);
    });
    channel.onClose((reason) => {
      this.#connections.delete(connection);
      for (const viewerId of connection.viewers) this.#options.onViewerGone(viewerId);
      if (reason !== undefined) console.error(`A client was dropped: ${reason}`);
    });
    channel.listen();
  }
}
