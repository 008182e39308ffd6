/**
 * One packet of the guest, over either version of IP, as places in the buffer that holds it. The parsers of both versions
 * fill it in; one object serves all frames, so that nothing is allocated for a packet that fits its fragment.
 */

/** Protocol numbers. */
export const PROTOCOL = {ICMP: 1, TCP: 6, UDP: 17, ICMPV6: 58} as const;

/** See the module. All places were checked to lie within `bytes`. */
export class IpPacket {
  bytes: Uint8Array = new Uint8Array(0);
  isIpv6 = false;
  protocol = 0;
  /** Where the IP header begins. */
  header = 0;
  /** Where the payload begins, behind headers of all kinds, and where it ends. */
  start = 0;
  end = 0;
  /** Where the addresses stand; of 4 or 16 bytes. */
  sourceAt = 0;
  destinationAt = 0;

  get addressBytes(): 4 | 16 {
    return this.isIpv6 ? 16 : 4;
  }

  /** A view; copy what is to be kept. */
  get source(): Uint8Array {
    return this.bytes.subarray(this.sourceAt, this.sourceAt + this.addressBytes);
  }

  /** A view; copy what is to be kept. */
  get destination(): Uint8Array {
    return this.bytes.subarray(this.destinationAt, this.destinationAt + this.addressBytes);
  }
}
