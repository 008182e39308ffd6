/**
 * The client's end of a channel: writing no faster than it reads, by its window and by the socket below all its channels,
 * and knowing when it has left.
 */
import type {Socket} from 'node:net';
import type {Writable} from 'node:stream';
import type {ServerChannel} from 'ssh2';

/** Bytes that may wait in the socket before the next piece waits as well. A client may offer any window. */
export const WAITING_BYTES_MAX = 262_144;

/**
 * Bytes that were given to the library and have not reached the socket: those of one that makes new keys. It adds to what it is
 * given, so what a socket was sent since can only be more.
 */
const held = new WeakMap<Socket, {givenBytes: number; sentBefore: number}>();

/** Notes bytes that are written to a channel. */
export function noteGiven(socket: Socket, bytes: number): void {
  const before = held.get(socket);
  if (before === undefined || socket.bytesWritten - before.sentBefore >= before.givenBytes)
    held.set(socket, {givenBytes: bytes, sentBefore: socket.bytesWritten});
  else before.givenBytes += bytes;
}

/** Bytes that wait for a client to read them, beyond its windows; those that were not noted are seen in the socket only. */
export function waitingBytes(socket: Socket): number {
  const {givenBytes = 0, sentBefore = 0} = held.get(socket) ?? {};
  return socket.writableLength + Math.max(0, givenBytes - (socket.bytesWritten - sentBefore));
}

/**
 * Bytes of a channel that may wait to be read here: the library renews its window of 2 MiB while less than that waits, so that as
 * much again may come, and a last packet.
 */
export const UNREAD_INPUT_BYTES_MAX = 2 * 2_097_152 + 65_536;

/** Ends connections whose clients send more than the windows they were given, which the library would keep. */
export class InputGuard {
  readonly #channels = new Set<ServerChannel>();

  constructor(socket: Socket) {
    socket.on('data', () => {
      for (const channel of this.#channels) if (channel.readableLength > UNREAD_INPUT_BYTES_MAX) socket.destroy();
    });
  }

  /** Looks after a channel until it is over. */
  watch<Channel extends ServerChannel>(channel: Channel, gone: AbortSignal): Channel {
    this.#channels.add(channel);
    gone.addEventListener('abort', () => this.#channels.delete(channel), {once: true});
    return channel;
  }
}

/** A channel, what is below it, and whether it is over: the library tells that of a channel only once all of it is read. */
export interface ClientEnd {
  readonly channel: ServerChannel;
  readonly socket: Socket;
  readonly gone: AbortSignal;
}

/** A signal for the end of a connection, or of what closes before it. */
export function signalGone(socket: Socket, onClose: (listener: () => void) => void): AbortSignal {
  const gone = new AbortController();
  const abort = () => gone.abort();
  socket.once('close', abort);
  gone.signal.addEventListener('abort', () => socket.off('close', abort), {once: true});
  if (socket.destroyed) abort();
  onClose(abort);
  return gone.signal;
}

/** Resolves when the client has left, at once when it has already. */
export async function untilGone(gone: AbortSignal): Promise<undefined> {
  await untilGoneOr(gone, () => undefined);
}

/**
 * Writes a piece to a channel, or to its `stderr`. Resolves when the client may be sent the next; for whoever is gone at
 * once.
 */
export async function writeAtPace(
  {channel, socket, gone}: ClientEnd,
  bytes: Uint8Array,
  stream: Writable = channel,
): Promise<void> {
  if (gone.aborted || !stream.writable) return;
  await untilGoneOr(gone, (done) => {
    noteGiven(socket, bytes.length);
    stream.write(bytes, done);
  });
  while (waitingBytes(socket) > WAITING_BYTES_MAX && !gone.aborted) await untilEased(socket, gone);
}

/** The socket has been written out, or the client has said something: what the library held may be sent. */
async function untilEased(socket: Socket, gone: AbortSignal): Promise<void> {
  const eased = Promise.withResolvers<void>();
  using _listening = onEased(socket, eased.resolve);
  await untilGoneOr(gone, (done) => void eased.promise.then(done));
}

/** Calls when the client may have read something of what waited. */
export function onEased(socket: Socket, listener: () => void): Disposable {
  // After the library has had the bytes, of whomever they are first.
  const later = () => queueMicrotask(listener);
  socket.on('drain', later);
  socket.on('data', later);
  return {
    [Symbol.dispose]: () => {
      socket.off('drain', later);
      socket.off('data', later);
    },
  };
}

async function untilGoneOr(gone: AbortSignal, begin: (done: () => void) => void): Promise<void> {
  if (gone.aborted) return;
  const {promise, resolve} = Promise.withResolvers<void>();
  const done = () => resolve();
  gone.addEventListener('abort', done, {once: true});
  begin(done);
  await promise;
  gone.removeEventListener('abort', done);
}
