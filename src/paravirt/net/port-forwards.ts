/** Ports of the host that lead into the guest: one listening socket each. Those of UDP are in `udp-forwards.ts`. */
import {createServer, type Server, type Socket} from 'node:net';
import {ParavirtError} from '../error.js';

/** A port of the host and the guest's that it leads to. `address` is the host's own that it listens at. */
export interface PortForward {
  readonly address: string;
  readonly hostPort: number;
  readonly guestPort: number;
  /** TCP when left out. */
  readonly protocol?: 'udp' | undefined;
}

/** Forwards of one machine. */
export const FORWARDS_MAX = 64;

/** See the module. */
export class PortForwards implements AsyncDisposable {
  readonly #accept: (socket: Socket, guestPort: number) => void;
  readonly #servers = new Map<string, {readonly forward: PortForward; readonly server: Server}>();

  constructor(accept: (socket: Socket, guestPort: number) => void) {
    this.#accept = accept;
  }

  /** All that listen. */
  get list(): readonly PortForward[] {
    return [...this.#servers.values()].map(({forward}) => forward);
  }

  /** Listens from now on. A host port 0 takes a free one; the result says which. Errors: in-use, no-permission, bad-option, io */
  async add(forward: PortForward): Promise<PortForward> {
    if (this.#servers.size >= FORWARDS_MAX)
      throw new ParavirtError(
        'bad-option',
        `A machine has at most ${FORWARDS_MAX} port forwards.`,
        'Remove one first.',
      );
    const {address, hostPort, guestPort} = forward;
    const server = createServer({allowHalfOpen: true, pauseOnConnect: true, noDelay: true}, (socket) =>
      this.#accept(socket, guestPort),
    );
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(explainPort(forward, error)));
      server.listen({host: address, port: hostPort}, resolve);
    });
    server.removeAllListeners('error');
    // Out of descriptors: that connection is lost, further ones may come.
    server.on('error', () => undefined);
    const bound = server.address();
    const real = typeof bound === 'object' && bound !== null ? {...forward, hostPort: bound.port} : forward;
    this.#servers.set(keyOf(real), {forward: real, server});
    return real;
  }

  /** Listens no more; connections that are there stay. False when it did not. */
  async remove(forward: Pick<PortForward, 'address' | 'hostPort'>): Promise<boolean> {
    const found = this.#servers.get(keyOf(forward));
    if (found === undefined) return false;
    this.#servers.delete(keyOf(forward));
    found.server.close();
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const {forward} of [...this.#servers.values()]) await this.remove(forward);
  }
}

const keyOf = ({address, hostPort}: Pick<PortForward, 'address' | 'hostPort'>): string => `${address} ${hostPort}`;

/** A port that cannot be listened at, for people. */
export function explainPort({address, hostPort}: PortForward, error: Error & {readonly code?: string}): ParavirtError {
  const where = `Port ${hostPort} of ${address}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return new ParavirtError('in-use', `${where} is in use by another program.`, 'Forward another port.', error);
    case 'EACCES':
      return new ParavirtError('no-permission', `${where} needs rights that you lack.`, 'Take one above 1023.', error);
    case 'EADDRNOTAVAIL':
      return new ParavirtError(
        'bad-option',
        `This host has no address ${address}.`,
        'Leave it out for 127.0.0.1.',
        error,
      );
    default:
      return new ParavirtError('io', `${where} cannot be opened: ${error.message}.`, 'Forward another port.', error);
  }
}
