/** What a network tells of its connections. */

/** One connection, or one peer of a UDP socket. Units: bytes of payload, as the guest sees it; `peer` is whom it believes to talk to */
export interface FlowReport {
  readonly protocol: 'tcp' | 'udp';
  readonly state: 'connecting' | 'opening' | 'open' | 'half-closed' | 'closing';
  readonly guestAddress: Uint8Array;
  readonly guestPort: number;
  readonly peerAddress: Uint8Array;
  readonly peerPort: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}
