/**
 * virtio-console's constants and messages.
 *
 *   queues   0 receive, 1 transmit of port 0; with MULTIPORT also 2 control receive, 3 control transmit, then 4 + 2(n-1)
 *            receive and 5 + 2(n-1) transmit of port n ("receive" is the guest's word: the host fills it)
 *   config   0 cols u16    2 rows u16    4 max_nr_ports u32    8 emerg_wr u32
 *   control  {id: u32le, event: u16le, value: u16le, payload…}
 *
 * Source: virtio 1.2 §5.3
 */

/** Feature bits. */
export const FEATURE = {SIZE: 0, MULTIPORT: 1} as const;

/** Control events. */
export const EVENT = {
  DEVICE_READY: 0,
  PORT_ADD: 1,
  PORT_REMOVE: 2,
  PORT_READY: 3,
  CONSOLE_PORT: 4,
  RESIZE: 5,
  PORT_OPEN: 6,
  PORT_NAME: 7,
} as const;

/** Bytes of a control message without payload. */
export const CONTROL_BYTES = 8;
/** Queue in which the host sends control messages. */
export const CONTROL_RECEIVE_QUEUE = 2;
/** Queue in which the guest sends control messages. */
export const CONTROL_TRANSMIT_QUEUE = 3;
/** Ports that 16 queues are enough for: 2 control queues and 2 for each port. */
export const PORTS_MAX = 7;
/** Bytes of the configuration space. */
export const CONFIG_BYTES = 12;

/** The queue the host fills for a port. */
export const receiveQueue = (port: number): number => (port === 0 ? 0 : 2 + 2 * port);
/** The queue the guest fills for a port. */
export const transmitQueue = (port: number): number => receiveQueue(port) + 1;

/** A control message. */
export function controlMessage(port: number, event: number, value: number, payload: Uint8Array = EMPTY): Uint8Array {
  const bytes = new Uint8Array(CONTROL_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, port, true);
  view.setUint16(4, event, true);
  view.setUint16(6, value, true);
  bytes.set(payload, CONTROL_BYTES);
  return bytes;
}

/** Two little-endian u16, as configuration and RESIZE carry a size. */
export function u16Pair(first: number, second: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint16(0, first, true);
  new DataView(bytes.buffer).setUint16(2, second, true);
  return bytes;
}

const EMPTY = new Uint8Array(0);
