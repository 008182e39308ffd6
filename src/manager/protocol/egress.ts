/** Where the guest of a machine may go: rules, and what waits while somebody is asked. */
import {isIP} from 'node:net';
import * as z from 'zod';

/** What holds for destinations that no rule covers. `ask`: they wait until somebody says, 30 s at most. */
export const egressSchema = z.enum(['allow', 'deny', 'ask']);
/** See `egressSchema`. */
export type Egress = z.output<typeof egressSchema>;

/** Rules of one machine. */
export const MAX_EGRESS_RULES = 256;
const HOST_NAME = /^(?!.*\.\d+$)(?!\d+$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.(?!$)|$))+$/;
const MAX_NAME_CHARS = 253;

/** Whether a rule can be about that: an address, a network like `10.0.0.0/8`, a host name in small letters, or `*`. */
export function isEgressDestination(text: string): boolean {
  if (text.length > MAX_NAME_CHARS) return false;
  if (text === '*' || HOST_NAME.test(text)) return true;
  const [, address = '', bits = '0'] = /^([0-9a-f:.]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  return isIP(address) !== 0 && Number(bits) <= (isIP(address) === 4 ? 32 : 128);
}

/** See `egressRuleSchema`. */
export const egressVerdictSchema = z.enum(['allow', 'deny']);
/** See `egressVerdictSchema`. */
export type EgressVerdict = z.output<typeof egressVerdictSchema>;

/**
 * A destination, which `isEgressDestination` tells, at one port or at all, of TCP and UDP. A name stands for the addresses that
 * the guest found by it in the last hour.
 */
export const egressTargetSchema = z.object({
  destination: z.string().min(1).refine(isEgressDestination, 'is no address, network, host name or *'),
  port: z.number().int().min(1).max(65535).optional(),
});
/** See `egressTargetSchema`. */
export type EgressTarget = z.output<typeof egressTargetSchema>;

/** Lets the guest reach a destination, or not. Of several rules the first that covers a destination counts. */
export const egressRuleSchema = egressTargetSchema.extend({verdict: egressVerdictSchema});
/** See `egressRuleSchema`. */
export type EgressRule = z.output<typeof egressRuleSchema>;

/** Questions of one machine that are told at a time; its network asks fewer. */
export const MAX_EGRESS_QUESTIONS = 16;

/** What waits for an answer. `name` is the one by which the guest found the address. Units: milliseconds since 1970 */
export const egressQuestionSchema = z.object({
  id: z.uuid(),
  protocol: z.enum(['tcp', 'udp']),
  address: z.union([z.ipv4(), z.ipv6()]),
  port: z.number().int().min(0).max(65535),
  name: z.string().max(MAX_NAME_CHARS).regex(HOST_NAME).optional(),
  askedAtMs: z.number(),
});
/** See `egressQuestionSchema`. */
export type EgressQuestion = z.output<typeof egressQuestionSchema>;

/** What a rule for all that is asked is about: the name where one is known. */
export function targetOf({name, address, port}: EgressQuestion): EgressTarget {
  return {destination: name ?? address, ...(port === 0 ? {} : {port})};
}

/** `example.org:443`, `10.0.0.0/8`, `[2001:db8::1]:53`. */
export function formatEgressTarget({destination, port}: EgressTarget): string {
  if (port === undefined) return destination;
  return destination.includes(':') ? `[${destination}]:${port}` : `${destination}:${port}`;
}
