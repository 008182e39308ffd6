/** Port forwards as a person writes them: `8080:80`, `0.0.0.0:8080:80`, `[::1]:8080:80`. */
import {isIP} from 'node:net';

/** What `networkForward` takes. */
export interface ForwardSpec {
  readonly address: string;
  readonly hostPort: number;
  readonly guestPort: number;
}

/** Undefined for what is no forward. */
export function parseForward(text: string): ForwardSpec | undefined {
  const [, front = '', guest = ''] = /^(.*):(\d{1,5})$/.exec(text) ?? [];
  const end = parseHostEnd(front);
  const guestPort = parsePort(guest);
  if (end === undefined || guestPort === undefined) return undefined;
  return {address: end.address ?? '127.0.0.1', hostPort: end.hostPort, guestPort};
}

/** `8080` or `ADDRESS:8080`; undefined for what is neither. */
export function parseHostEnd(text: string): {readonly hostPort: number; readonly address?: string} | undefined {
  const [, written, port = ''] = /^(?:(.+):)?(\d{1,5})$/.exec(text) ?? [];
  const hostPort = parsePort(port);
  if (hostPort === undefined) return undefined;
  if (written === undefined) return {hostPort};
  const address = written.replace(/^\[(.*)\]$/, '$1');
  // Without its brackets an IPv6 address and a port cannot be told apart.
  const isClear = isIP(address) === 4 ? address === written : isIP(address) === 6 && address !== written;
  return isClear ? {hostPort, address} : undefined;
}

function parsePort(text: string): number | undefined {
  const port = Number(text);
  return text !== '' && port >= 1 && port <= 65535 ? port : undefined;
}
