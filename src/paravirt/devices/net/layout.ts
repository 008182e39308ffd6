/**
 * Numbers of the virtio network device: features, configuration space, the header in front of each frame, control commands.
 *
 *   header, 12 bytes   {flags: u8, gsoType: u8, hdrLen: u16le, gsoSize: u16le, csumStart: u16le, csumOffset: u16le,
 *                       numBuffers: u16le}
 *   configuration      {mac: u8[6], status: u16le, maxVirtqueuePairs: u16le, mtu: u16le}
 *   control request    {class: u8, command: u8, data…} and one byte of answer
 *
 * Source: virtio 1.2 §5.1
 */

/** Feature bits we offer, and what some of them ask of the others. */
export const FEATURE = {
  CSUM: 0,
  GUEST_CSUM: 1,
  MTU: 3,
  MAC: 5,
  GUEST_TSO4: 7,
  GUEST_TSO6: 8,
  HOST_TSO4: 11,
  HOST_TSO6: 12,
  MRG_RXBUF: 15,
  STATUS: 16,
  CTRL_VQ: 17,
  CTRL_RX: 18,
} as const;

/** Bytes in front of each frame. */
export const HEADER_BYTES = 12;
/** Header flag: the checksum from `csumStart` on is left to do. */
export const F_NEEDS_CSUM = 1;
/** How a large segment is to be cut; the high bit (ECN) is not negotiated. */
export const GSO = {NONE: 0, TCPV4: 1, TCPV6: 4} as const;

/** Queues by index. */
export const QUEUE = {RECEIVE: 0, TRANSMIT: 1, CONTROL: 2} as const;

/** Control class: receive modes. */
export const CTRL_RX_CLASS = 0;
/** Its commands: promiscuous, all multicast, all unicast, no multicast, no unicast, no broadcast. */
export const CTRL_RX_COMMANDS = 6;
/** Control class: which frames to take; its one command that may be given without a feature of its own sets the table. */
export const CTRL_MAC = {CLASS: 1, TABLE_SET: 0} as const;
/** Answers to a control request. */
export const CONTROL_ANSWER = {OK: 0, ERROR: 1} as const;

const STATUS_LINK_UP = 1;

/** The configuration space. `mac` is 6 bytes. */
export function netConfig(mac: Uint8Array, mtu: number): Uint8Array {
  const config = new Uint8Array(12);
  const view = new DataView(config.buffer);
  config.set(mac.subarray(0, 6));
  view.setUint16(6, STATUS_LINK_UP, true);
  view.setUint16(8, 1, true);
  view.setUint16(10, mtu, true);
  return config;
}
