/**
 * The client's end of a channel: writing no faster than it reads, by its window and by the socket below all its channels,
 * and knowing when it has left.
 */
import type {Socket} from 'node:net';
import type {Writable} from 'node:stream';
import type {ServerChannel} from 'ssh2';

/** Bytes that may wait in the socket before the next piece waits as well. A client may offer any window. */
export const WAITING_BYTES_MAX = 262_144;

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
  await untilGoneOr(gone, (done) => stream.write(bytes, done));
  if (socket.writableLength <= WAITING_BYTES_MAX) return;
  let drained: () => void = () => undefined;
  await untilGoneOr(gone, (done) => {
    drained = done;
    socket.once('drain', done);
  });
  socket.off('drain', drained);
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
