/**
 * Ethernet between a network device and what stands behind it. In this layer neither knows the other: the device knows
 * rings and offloads, the backend knows protocols.
 *
 *   guest: transmit queue ─▶ NetBackend.receive           stops while the backend `isFull`, goes on after `resume`
 *   guest: receive queue  ◀─ NetLink.send                 false when the guest has no buffers; `roomMade` when it has again
 */

/** Bytes of an Ethernet header without tags. */
export const ETHERNET_BYTES = 14;
/** The largest frame either way: an IPv4 packet of 65535 bytes or an IPv6 one of 65575, behind an Ethernet header. */
export const FRAME_BYTES_MAX = ETHERNET_BYTES + 40 + 65535;

/**
 * What the sender of a frame left to do.
 * Units: bytes from the frame's beginning; `checksumStart` is 0 where nothing is left, `segmentBytes` 0 for a frame that is
 * not to be cut, otherwise the TCP payload of each piece
 */
export interface FrameOffload {
  checksumStart: number;
  checksumOffset: number;
  segmentBytes: number;
}

/** Nothing left to do. */
export const COMPLETE_FRAME: Readonly<FrameOffload> = {checksumStart: 0, checksumOffset: 0, segmentBytes: 0};

/** Which way a frame went, as the guest sees it. */
export type FrameDirection = 'received' | 'sent';

/** Who looks at all frames of a card as they pass. What it is given is valid during the call only. */
export interface FrameTap {
  /** A frame of `headBytes` of `head`, then all of `body`; the guest's may be as malformed as it likes. */
  frame(
    direction: FrameDirection,
    head: Uint8Array,
    headBytes: number,
    body: readonly Uint8Array[],
    offload: Readonly<FrameOffload>,
  ): void;
}

/** The device, seen from the backend. */
export interface NetLink {
  /** The guest takes frames whose checksum is only begun: the pseudo-header's sum stands in the field. */
  readonly takesPartialChecksums: boolean;
  /** The guest takes TCP segments of any size, over that version of IP. */
  takesLargeSegments(isIpv6: boolean): boolean;
  /**
   * Puts a frame into the guest's buffers: `headBytes` of `head`, then all of `body`, copied before it returns. False, and
   * nothing happened, when there are not buffers enough; true as well for a frame that no buffer of this guest could hold.
   */
  send(head: Uint8Array, headBytes: number, body: readonly Uint8Array[], offload: Readonly<FrameOffload>): boolean;
  /** Shows the guest what was sent. Nothing is seen before that. */
  flush(): void;
  /** The backend is not full any more. */
  resume(): void;
}

/** What stands behind a network device. Nothing that a guest sends makes it throw. */
export interface NetBackend extends AsyncDisposable {
  /** It takes no frames now and will call `resume`. The frame it is given meanwhile may be dropped. */
  readonly isFull: boolean;
  /** Called once, before anything else. */
  connect(link: NetLink): void;
  /** The guest's driver is ready, or gone with all that it knew. Features of the link hold from one call to the next. */
  linkChanged(isUp: boolean): void;
  /** A frame of the guest, at least an Ethernet header. Only an owned one may be kept after the call, all or in part. */
  receive(frame: Uint8Array, isOwned: boolean, offload: Readonly<FrameOffload>): void;
  /** No further frame follows at once: the time for answers to all of them. */
  turnEnded(): void;
  /** The guest has offered buffers. */
  roomMade(): void;
  /** JSON of what a snapshot must hold. */
  save(): string;
  /** Takes back what `save` gave, before `connect`. Errors: ParavirtError `corrupt` */
  restore(saved: string): void;
}
