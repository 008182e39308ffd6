/**
 * TCP connections into guests through the server (`direct-tcpip`: `ssh -J`, `-L`, `-W`), by the guests' user-mode networks:
 *
 *   ssh -J viv@localhost:2222 root@NAME              NAME, or NAME.vm, of any machine the key may reach
 *   ssh -L 8080:localhost:80 -p 2222 NAME@localhost  localhost is the machine that the client logged in to
 *
 * They never lead to the host or to the outside: a place is a machine of the fleet or nothing.
 */
import type {Socket} from 'node:net';
import type {Duplex} from 'node:stream';
import type {Connection} from 'ssh2';
import {ManagerError, toManagerError} from '../protocol/errors.js';
import type {Fleet} from '../services/fleet.js';
import type {GuestStreams} from '../services/guest-streams.js';
import {type ClientEnd, type InputGuard, signalGone, untilGone, writeAtPace} from './client-end.js';
import {GUEST_SUFFIX} from './client-names.js';
import {explainRefusals} from './open-refusals.js';

/** Connections that one client may have open at a time. Each holds 4 MiB each way at most: two windows of the library. */
export const TUNNELS_MAX = 32;
const OWN_NAMES = ['localhost', '127.0.0.1', '::1'];

/** What tunnels work with, and what the client may reach. */
export interface TunnelOptions {
  readonly fleet: Fleet;
  readonly streams: Pick<GuestStreams, 'open'>;
  /** The machine that the client has logged in to, if that is one. */
  readonly own: string | undefined;
  mayReach(name: string): boolean;
}

/** Answers the requests for tunnels of a connection that has logged in. */
export function serveTunnels(connection: Connection, socket: Socket, guard: InputGuard, options: TunnelOptions): void {
  const refuse = explainRefusals(connection);
  const over = signalGone(socket, () => undefined);
  let open = 0;
  connection.on('tcpip', (accept, reject, {destIP, destPort}) => {
    if (open >= TUNNELS_MAX) {
      refuse(reject, 'resource', `This client has ${TUNNELS_MAX} connections open already. Close some first.`);
      return;
    }
    open++;
    tunnelTo(destIP, destPort, options, over)
      .then(
        (stream) => {
          if (over.aborted) return void stream.destroy();
          const channel = accept();
          const gone = signalGone(socket, (listener) => channel.on('close', listener));
          guard.watch(channel, gone);
          return join({channel, socket, gone}, stream);
        },
        (thrown: unknown) => {
          const {code, message, hint, cause} = toManagerError(thrown);
          if (code === 'internal') console.error(cause);
          refuse(reject, code === 'bad-request' ? 'forbidden' : 'failed', `${message} ${hint}`);
        },
      )
      .finally(() => open--);
  });
}

async function tunnelTo(
  place: string,
  port: number,
  {fleet, streams, own, mayReach}: TunnelOptions,
  signal: AbortSignal,
): Promise<Duplex> {
  if (port < 1 || port > 0xffff)
    throw new ManagerError('bad-request', `There is no port ${port}.`, 'Ports go from 1 to 65535.');
  const name = findName(place, own, fleet);
  // First: whoever may not reach a machine learns nothing of it.
  if (!mayReach(name))
    throw new ManagerError(
      'bad-request',
      `This key does not reach ${JSON.stringify(place.slice(0, 80))}.`,
      'See authorized_keys in the home folder of Vivarium.',
    );
  return streams.open(name, port, signal);
}

/** The name of the machine that a place stands for. Clients put names of hosts in small letters. */
function findName(place: string, own: string | undefined, fleet: Fleet): string {
  if (OWN_NAMES.includes(place.toLowerCase())) {
    if (own !== undefined) return fleet.find(own).name;
    throw new ManagerError(
      'bad-request',
      'Connections lead into machines, never to the host.',
      `Name a machine, or log in to one: ssh -p 2222 NAME@localhost`,
    );
  }
  const names = fleet.all().map(({name}) => name);
  const bare = place.toLowerCase().endsWith(GUEST_SUFFIX) ? place.slice(0, -GUEST_SUFFIX.length) : place;
  for (const wanted of [place, bare]) {
    if (names.includes(wanted)) return wanted;
    const alike = names.filter((name) => name.toLowerCase() === wanted.toLowerCase());
    if (alike.length === 1) return alike[0]!;
  }
  return bare;
}

/** Carries bytes both ways until both ends have ended, or one is gone. */
async function join(client: ClientEnd, stream: Duplex): Promise<void> {
  const {channel, gone} = client;
  let writing: Promise<void> = Promise.resolve();
  let hasClientEnded = false;
  let hasGuestEnded = false;
  const closeIfDone = () => hasClientEnded && hasGuestEnded && channel.close();
  channel.on('error', () => stream.destroy());
  channel.on('data', (bytes: Buffer) => {
    if (!stream.writable || stream.write(bytes)) return;
    channel.pause();
    stream.once('drain', () => channel.resume());
  });
  channel.on('end', () => {
    hasClientEnded = true;
    stream.end();
    closeIfDone();
  });
  stream.on('data', (bytes: Buffer) => {
    stream.pause();
    writing = writeAtPace(client, bytes).then(() => void stream.resume());
  });
  stream.on('end', () => {
    // The library ends both directions at once by `end`; the client may have more to say.
    void writing.then(() => {
      hasGuestEnded = true;
      channel.eof();
      closeIfDone();
    });
  });
  // Its close says the rest.
  stream.on('error', () => undefined);
  stream.on('close', () => {
    // What the client still sends is nobody's; unread, it would keep the channel's end from being told.
    channel.resume();
    void writing.then(() => channel.close());
  });
  stream.resume();
  await untilGone(gone);
  stream.destroy();
}
