/** Port forwards as a person writes them: `8080:80`, `0.0.0.0:8080:80`, `[::1]:8080:80`, `5353:53/udp`. */
import {isIP} from 'node:net';

/** What `networkForward` takes. */
export interface ForwardSpec {
  readonly address: string;
  readonly hostPort: number;
  readonly guestPort: number;
  readonly protocol?: 'udp';
}

/** Undefined for what is no forward. */
export function parseForward(written: string): ForwardSpec | undefined {
  const {text, ...protocol} = splitProtocol(written);
  const [, front = '', guest = ''] = /^(.*):(\d{1,5})$/.exec(text) ?? [];
  const end = parseHostEnd(front);
  const guestPort = parsePort(guest);
  if (end === undefined || guestPort === undefined) return undefined;
  return {address: end.address ?? '127.0.0.1', hostPort: end.hostPort, guestPort, ...protocol};
}

/** A forward by the host's end: `8080`, `ADDRESS:8080`, `5353/udp`; undefined for anything else. */
export function parseForwardEnd(
  written: string,
): {readonly hostPort: number; readonly address?: string; readonly protocol?: 'udp'} | undefined {
  const {text, ...protocol} = splitProtocol(written);
  const end = parseHostEnd(text);
  return end && {...end, ...protocol};
}

function splitProtocol(written: string): {readonly text: string; readonly protocol?: 'udp'} {
  if (written.endsWith('/udp')) return {text: written.slice(0, -'/udp'.length), protocol: 'udp'};
  return {text: written.endsWith('/tcp') ? written.slice(0, -'/tcp'.length) : written};
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
