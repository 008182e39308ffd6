/**
 * New keys for a connection after so many bytes, either way: what is encrypted by one key has a bound. While keys are made
 * anew the library keeps what is to be sent, so that a client which never answers is given up.
 * Source: RFC 4253 §9
 */
import type {Socket} from 'node:net';
import type {Connection} from 'ssh2';

/** Bytes after which there are new keys. */
export const REKEY_BYTES = 2 ** 30;
/** How long a client may take to agree on them. */
export const REKEY_GRACE_MS = 60_000;

/** Bounds of one connection. Units: bytes; `unreadBytes` that a client may send before it agrees on new keys */
export interface RenewalBounds {
  readonly rekeyBytes: number;
  readonly unreadBytes: number;
}

/** Begins when the client has logged in; ends with the socket. */
export function renewKeys(connection: Connection, socket: Socket, {rekeyBytes, unreadBytes}: RenewalBounds): void {
  let sinceBytes = socket.bytesRead + socket.bytesWritten;
  let asked: {readonly timer: NodeJS.Timeout; readonly readBytes: number} | undefined;
  const renewed = () => {
    clearTimeout(asked?.timer);
    asked = undefined;
    sinceBytes = socket.bytesRead + socket.bytesWritten;
  };
  // By whomever it was begun.
  connection.on('rekey', renewed);
  socket.once('close', () => clearTimeout(asked?.timer));
  // Whoever is sent much says now and then how much of it has arrived.
  socket.on('data', () => {
    if (asked !== undefined) {
      if (socket.bytesRead - asked.readBytes > unreadBytes) socket.destroy();
      return;
    }
    if (socket.bytesRead + socket.bytesWritten - sinceBytes < rekeyBytes) return;
    asked = {timer: setTimeout(() => socket.destroy(), REKEY_GRACE_MS), readBytes: socket.bytesRead};
    connection.rekey();
  });
}
