/**
 * What is read of DNS messages: the one question of a query, and the addresses in its answer.
 * Source: RFC 1035 §4.1, RFC 3596
 */
const HEADER_BYTES = 12;
const CLASS_IN = 1;
const ADDRESS_BYTES: Readonly<Record<number, number>> = {1: 4, 28: 16};
/** What a host may be called, label by label; a guest can ask for anything. */
const PLAIN_LABEL = /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$/;
const NAME_CHARS_MAX = 253;

/** Addresses that are taken from one answer. */
export const ANSWER_ADDRESSES_MAX = 32;

/** A question of the Internet class. Units: `end` is where it ends in the message; `name` is in lower case */
export interface DnsQuestion {
  readonly name: string;
  /** The name can be shown and compared: letters, digits, dashes and underscores, in labels of 1 to 63. */
  readonly isPlain: boolean;
  readonly type: number;
  readonly end: number;
}

/** The question of a standard query; undefined for anything else. */
export function readQuestion(message: Uint8Array): DnsQuestion | undefined {
  // Standard queries with one question.
  if (message.length < HEADER_BYTES || (message[2]! & 0xf8) !== 0 || u16(message, 4) !== 1) return undefined;
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = message[at]; length !== 0; length = message[at]) {
    if (length === undefined || length > 63 || at + 1 + length >= message.length) return undefined;
    labels.push(String.fromCharCode(...message.subarray(at + 1, at + 1 + length)).toLowerCase());
    at += 1 + length;
  }
  const end = at + 5;
  if (end > message.length || end > HEADER_BYTES + 260 || u16(message, at + 3) !== CLASS_IN) return undefined;
  const name = labels.join('.');
  const isPlain =
    labels.length > 0 && name.length <= NAME_CHARS_MAX && labels.every((label) => PLAIN_LABEL.test(label));
  return {name, isPlain, type: u16(message, at + 1), end};
}

/** Addresses in the answers of a message, of 4 and of 16 bytes; none of a message that makes no sense. */
export function readAddresses(message: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  if (message.length < HEADER_BYTES) return found;
  let at = HEADER_BYTES;
  for (let left = u16(message, 4); left > 0 && at < message.length; left--) at = nameEnd(message, at) + 4;
  // Each record takes 11 bytes at least, so that the message's length bounds them.
  for (let left = u16(message, 6); left > 0 && found.length < ANSWER_ADDRESSES_MAX; left--) {
    const head = nameEnd(message, at);
    const data = head + 10;
    if (data > message.length) return found;
    const bytes = u16(message, head + 8);
    const isAddress = u16(message, head + 2) === CLASS_IN && ADDRESS_BYTES[u16(message, head)] === bytes;
    if (data + bytes > message.length) return found;
    if (isAddress) found.push(message.slice(data, data + bytes));
    at = data + bytes;
  }
  return found;
}

/** Where a name ends that may end in a pointer; it is not followed. */
function nameEnd(message: Uint8Array, from: number): number {
  let at = from;
  while (at < message.length) {
    const length = message[at]!;
    if (length === 0) return at + 1;
    if (length >= 0xc0) return at + 2;
    at += 1 + length;
  }
  return at;
}

const u16 = (message: Uint8Array, at: number): number => ((message[at] ?? 0) << 8) | (message[at + 1] ?? 0);
