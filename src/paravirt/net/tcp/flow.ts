/** Who talks to whom in a TCP connection, as the guest sees it. Addresses have 4 bytes, or 16. */
export interface TcpFlow {
  readonly isIpv6: boolean;
  /** The card that frames to the guest go to. */
  readonly guestMac: Uint8Array;
  readonly guestAddress: Uint8Array;
  readonly guestPort: number;
  readonly peerAddress: Uint8Array;
  readonly peerPort: number;
}
