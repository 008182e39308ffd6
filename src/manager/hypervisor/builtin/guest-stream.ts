/**
 * A connection into a guest, to a TCP port or one of its socket device, on a connection of its own to the private socket of
 * its machine's process: one line each way, then bytes. A channel's first bytes are those of a JSON-RPC frame, which tells
 * the two apart.
 *
 *   daemon   `vivarium-stream PORT\n`, or `vivarium-vsock PORT\n` ─▶ process ─ SYN, or REQUEST ─▶ guest
 *   daemon   ◀─ `open\n`, then bytes both ways, each end by itself
 *            ◀─ `refused\n` or another word of `StreamRefusal`, then the end
 */
import {connect, type Socket} from 'node:net';
import * as z from 'zod';
import {SWITCH_GREETING} from '../../../paravirt/net/switch-wire.js';
import {ManagerError} from '../../protocol/errors.js';
import {untilAborted} from '../../until-aborted.js';
import {type GuestPlace, type StreamRefusal, streamRefusals} from '../contract.js';

const GREETING = /^vivarium-(stream|vsock) ([1-9]\d{0,9})\n$/;
const PORT_MAX = {stream: 0xffff, vsock: 0xffff_fffe} as const;
const answerSchema = z.enum(['open', ...streamRefusals]);
/** Longest first line, in either direction. */
const LINE_BYTES_MAX = 64;

/** What somebody who connected to a machine's process wants. */
export interface SocketRoles {
  /** A channel: nothing of it has been read. */
  channel(socket: Socket): void;
  /** A stream into the guest, not read any further. */
  stream(socket: Socket, place: GuestPlace): void;
  /** Frames of the machine's private switch, see `switch-wire.ts`. */
  frames(socket: Socket): void;
}

/** Looks at the first bytes of a connection, which is open at both ends by itself (`allowHalfOpen`). */
export function meet(socket: Socket, roles: SocketRoles): void {
  const ignore = () => undefined;
  socket.on('error', ignore);
  socket.once('end', () => socket.end());
  socket.once('data', (bytes: Buffer) => {
    socket.pause();
    socket.removeAllListeners('end');
    const place = placeOf(bytes.toString('latin1', 0, LINE_BYTES_MAX));
    if (place !== undefined) return roles.stream(socket, place);
    socket.allowHalfOpen = false;
    const isFrames = bytes.subarray(0, SWITCH_GREETING.length).equals(SWITCH_GREETING);
    socket.unshift(isFrames ? bytes.subarray(SWITCH_GREETING.length) : bytes);
    if (isFrames) roles.frames(socket);
    else roles.channel(socket);
    socket.resume();
  });
}

function placeOf(line: string): GuestPlace | undefined {
  const [, kind, digits] = GREETING.exec(line) ?? [];
  const port = Number(digits);
  if (kind === 'stream' && port <= PORT_MAX.stream) return {kind: 'tcp', port};
  return kind === 'vsock' && port <= PORT_MAX.vsock ? {kind: 'vsock', port} : undefined;
}

/** Says on a stream how it began. */
export function answerStream(socket: Socket, answer: z.input<typeof answerSchema>): void {
  if (!socket.destroyed) socket.write(`${answer}\n`);
}

/**
 * Opens a connection to a port of the guest, or says why there is none. An abort gives it up.
 * Errors: machine-failed (its process is not there, or talks nonsense)
 */
export async function openGuestStream(
  socketPath: string,
  {kind, port}: GuestPlace,
  signal: AbortSignal,
): Promise<Socket | StreamRefusal> {
  const socket = connect({path: socketPath, allowHalfOpen: true});
  try {
    socket.write(`vivarium-${kind === 'tcp' ? 'stream' : kind} ${port}\n`);
    const answer = await untilAborted(firstLine(socket), signal);
    if (answer === 'open') return socket;
    socket.destroy();
    return answer;
  } catch (thrown) {
    socket.destroy();
    throw thrown;
  }
}

async function firstLine(socket: Socket): Promise<z.output<typeof answerSchema>> {
  const line = Promise.withResolvers<string>();
  let held: Buffer = Buffer.alloc(0);
  const take = (bytes: Buffer) => {
    held = Buffer.concat([held, bytes]);
    const end = held.indexOf(0x0a);
    if (end < 0 && held.length <= LINE_BYTES_MAX) return;
    socket.pause();
    socket.off('data', take);
    // The guest may have spoken already.
    if (end >= 0 && end + 1 < held.length) socket.unshift(held.subarray(end + 1));
    line.resolve(held.toString('latin1', 0, Math.max(end, 0)));
  };
  const end = () => line.resolve('');
  socket.on('data', take);
  socket.once('close', end);
  socket.once('end', end);
  // Its close says the rest.
  socket.on('error', () => undefined);
  const answer = answerSchema.safeParse(await line.promise);
  socket.off('close', end);
  socket.off('end', end);
  if (answer.success) return answer.data;
  throw new ManagerError(
    'machine-failed',
    'The machine process did not answer because it ended.',
    'Its console log may tell why: `viv logs NAME`.',
  );
}
