/** Reads a captured packet that may end anywhere: it was cut short, or its guest means ill. */

/** The packet ends before what was to be read. */
export class CutShort extends Error {
  override readonly name = 'CutShort';
}

/** Bytes from a place on. Everything throws `CutShort` beyond the end. */
export class PacketReader {
  readonly bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  /** Bytes that are left. */
  get left(): number {
    return this.bytes.length - this.at;
  }

  u8(): number {
    return this.take(1)[0]!;
  }

  u16(): number {
    const [high = 0, low = 0] = this.take(2);
    return (high << 8) | low;
  }

  u32(): number {
    return this.u16() * 0x1_0000 + this.u16();
  }

  /** A view of the next bytes. */
  take(count: number): Uint8Array {
    if (this.at + count > this.bytes.length) throw new CutShort('the packet ends here');
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  skip(count: number): void {
    this.take(count);
  }
}

/** `52:54:00:12:34:56` */
export function formatMac(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** `10.0.2.15` or `fd76::2`: 4 or 16 bytes as people write them. Source: RFC 5952 */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i]! << 8) | bytes[i + 1]!).toString(16));
  let longest = {start: 0, count: 0};
  for (let start = 0; start < 8; start++) {
    let count = 0;
    while (groups[start + count] === '0') count++;
    if (count > longest.count) longest = {start, count};
  }
  if (longest.count < 2) return groups.join(':');
  const {start, count} = longest;
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + count).join(':')}`;
}

/** An address and a port. */
export function formatEnd(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
