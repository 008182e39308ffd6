/** Destinations of egress rules as a person writes them: `example.org:443`, `10.0.0.0/8`, `[2001:db8::1]:53`, `*`. */
import {isIPv6} from 'node:net';
import {type EgressTarget, isEgressDestination} from '../../manager/protocol/egress.js';

/** Undefined for what is no destination. */
export function parseEgressTarget(written: string): EgressTarget | undefined {
  const text = written.toLowerCase();
  const [, bracketed, behind] = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text) ?? [];
  if (bracketed !== undefined) return isIPv6(bracketed.split('/')[0] ?? '') ? toTarget(bracketed, behind) : undefined;
  // Without brackets an address of IPv6 has no port.
  const [, front = '', port] = /^([^:]+)(?::(\d{1,5}))?$/.exec(text) ?? [undefined, text];
  return toTarget(front.replace(/(?<=.)\.$/, ''), port);
}

function toTarget(destination: string, written: string | undefined): EgressTarget | undefined {
  const port = written === undefined ? undefined : Number(written);
  if (!isEgressDestination(destination) || (port !== undefined && (port < 1 || port > 65535))) return undefined;
  return {destination, ...(port === undefined ? {} : {port})};
}
