/**
 * Names of machines on the same switch: `otter` and `otter.vm` are answered here, everything else is the host's business.
 * Source: RFC 1035 §4.1
 */
import {readQuestion} from './dns-message.js';

const HEADER_BYTES = 12;
const TYPE_A = 1;
const TYPE_ANY = 255;
const CLASS_IN = 1;
const NXDOMAIN = 3;
const DOMAIN = '.vm';
/** Names go when machines do, so nobody should remember them for long. Units: seconds */
const TTL_S = 5;

/** Names that a machine knows of. */
export const NAMES_MAX = 64;

/** The answer to a question about such a name; undefined for any other, and for what is no question. `names` are in lower case. */
export function answerSibling(message: Uint8Array, names: ReadonlyMap<string, Uint8Array>): Uint8Array | undefined {
  const question = readQuestion(message);
  if (question === undefined) return undefined;
  const {name, type, end} = question;
  const isOurs = name.endsWith(DOMAIN);
  const address = names.get(isOurs ? name.slice(0, -DOMAIN.length) : name);
  if (address === undefined && !isOurs) return undefined;
  const hasAnswer = address !== undefined && (type === TYPE_A || type === TYPE_ANY);
  const answer = new Uint8Array(end + (hasAnswer ? 16 : 0));
  answer.set(message.subarray(0, end));
  // An answer, from who knows, and whatever else was asked for is refused; recursion is what we do.
  answer[2] = 0x84 | (message[2]! & 1);
  answer[3] = 0x80 | (address === undefined ? NXDOMAIN : 0);
  answer.set([0, 1, 0, hasAnswer ? 1 : 0, 0, 0, 0, 0], 4);
  if (hasAnswer) answer.set([0xc0, HEADER_BYTES, 0, TYPE_A, 0, CLASS_IN, 0, 0, 0, TTL_S, 0, 4, ...address], end);
  return answer;
}
