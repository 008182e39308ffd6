/** DHCP messages in a few words. Source: RFC 2131 */
import {formatIp, formatMac, type PacketReader} from './packet-reader.js';

const TYPES = ['?', 'discover', 'offer', 'request', 'decline', 'ack', 'nak', 'release', 'inform'] as const;
const OPTION_PAD = 0;
const OPTION_REQUESTED = 50;
const OPTION_TYPE = 53;
const OPTION_END = 255;

/** `discover from 52:54:00:12:34:56`, `ack 10.0.2.15 to 52:54:00:12:34:56`. Errors: CutShort */
export function describeDhcp(reader: PacketReader): string {
  const isReply = reader.u8() === 2;
  reader.skip(15);
  const offered = formatIp(reader.take(4));
  reader.skip(8);
  const card = formatMac(reader.take(6));
  // Up to the cookie, and past it.
  reader.skip(206);
  let type = 0;
  let address = isReply ? offered : '';
  while (reader.left > 0) {
    const code = reader.u8();
    if (code === OPTION_END) break;
    if (code === OPTION_PAD) continue;
    const value = reader.take(reader.u8());
    if (code === OPTION_TYPE) type = value[0] ?? 0;
    if (code === OPTION_REQUESTED && value.length === 4) address = formatIp(value);
  }
  const what = `${TYPES[type] ?? '?'}${address === '' || address === '0.0.0.0' ? '' : ` ${address}`}`;
  return `${what} ${isReply ? 'to' : 'from'} ${card}`;
}
