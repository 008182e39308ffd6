/** DNS messages in a few words. Source: RFC 1035 §4 */
import {formatIp, PacketReader} from './packet-reader.js';

const TYPES: Readonly<Record<number, string>> = {
  ...{1: 'A', 2: 'NS', 5: 'CNAME', 6: 'SOA', 12: 'PTR', 15: 'MX', 16: 'TXT', 28: 'AAAA', 33: 'SRV', 64: 'SVCB'},
  ...{65: 'HTTPS', 255: 'ANY'},
};
const FAILURES: Readonly<Record<number, string>> = {
  ...{1: 'FORMERR', 2: 'SERVFAIL', 3: 'NXDOMAIN', 4: 'NOTIMP', 5: 'REFUSED'},
};
const LABELS_MAX = 128;
/** Of a name (RFC 1035 §2.3.4). */
const NAME_CHARACTERS_MAX = 255;
/** Answers that are named; further ones are counted. */
const ANSWERS_NAMED = 3;
const TYPE_A = 1;
const TYPE_AAAA = 28;

/** `0xb849 A? example.org`, `0xb849 A 192.0.2.1`, `0xb849 NXDOMAIN`. Errors: CutShort */
export function describeDns(reader: PacketReader): string {
  const start = reader.at;
  const id = `0x${reader.u16().toString(16).padStart(4, '0')}`;
  const flags = reader.u16();
  const [questions, answers] = [reader.u16(), reader.u16()];
  reader.skip(4);
  const asked: string[] = [];
  // A message with several questions is as good as never seen.
  for (let i = 0; i < Math.min(questions, 1); i++) {
    const name = readName(reader, start);
    asked.push(`${typeName(reader.u16())}? ${name}`);
    reader.skip(2);
  }
  if ((flags & 0x8000) === 0) return [id, ...asked].join(' ');
  const rcode = flags & 15;
  if (rcode !== 0) return [id, FAILURES[rcode] ?? `error ${rcode}`, ...asked].join(' ');
  const told: string[] = [];
  for (let i = 0; i < Math.min(answers, ANSWERS_NAMED); i++) told.push(readAnswer(reader, start));
  const more = answers > ANSWERS_NAMED ? [`+${answers - ANSWERS_NAMED}`] : [];
  return `${id} ${answers === 0 ? 'no answer' : [told.join(', '), ...more].join(' ')}`;
}

function readAnswer(reader: PacketReader, start: number): string {
  readName(reader, start);
  const type = reader.u16();
  reader.skip(6);
  const data = reader.take(reader.u16());
  const isAddress = (type === TYPE_A && data.length === 4) || (type === TYPE_AAAA && data.length === 16);
  return isAddress ? `${typeName(type)} ${formatIp(data)}` : typeName(type);
}

const typeName = (type: number): string => TYPES[type] ?? `type ${type}`;

/** Follows pointers, which a hostile message may make a circle of: after `LABELS_MAX` labels it ends. */
function readName(reader: PacketReader, start: number): string {
  const labels: string[] = [];
  let from = reader;
  for (let count = 0; count < LABELS_MAX; count++) {
    const length = from.u8();
    if (length === 0) break;
    if (length >= 0xc0) {
      const place = ((length & 0x3f) << 8) | from.u8();
      from = new PacketReader(reader.bytes, start + place);
      continue;
    }
    labels.push([...from.take(length)].map(printable).join(''));
  }
  return labels.length === 0 ? '.' : labels.join('.').slice(0, NAME_CHARACTERS_MAX);
}

/** A guest chooses the bytes of names: none of them may mean anything to a terminal. */
const printable = (byte: number): string => (byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '?');
