/** What a snapshot holds of a user network: leases, and the connections that its guest will find to have ended. */
import {corruptSaved, parseSaved} from '../saved-json.js';
import {parseAddress} from './address.js';
import {CONNECTIONS_MAX} from './tcp/limits.js';
import type {LostConnection} from './tcp/table.js';

const WHOSE = 'a network';

/** See the module. */
export interface SavedNetwork {
  /** Where port forwards lead: in a copy of a machine, the card that the guest goes on with is the first one's. */
  readonly guest: {readonly mac: Uint8Array; readonly address: Uint8Array};
  readonly leases: readonly (readonly [string, number])[];
  readonly connections: readonly LostConnection[];
}

/** Reads the JSON that the network saved. Errors: ParavirtError `corrupt` */
export function readSavedNetwork(saved: string): SavedNetwork {
  const value = parseSaved(saved, WHOSE);
  if (!isRecord(value) || !Array.isArray(value['leases']) || !Array.isArray(value['connections']))
    throw corruptSaved(WHOSE);
  const {leases, connections} = value as {leases: unknown[]; connections: unknown[]};
  if (!leases.every(isLease) || connections.length > CONNECTIONS_MAX) throw corruptSaved(WHOSE);
  return {guest: readGuest(value['guest']), leases, connections: connections.map(readConnection)};
}

function readGuest(value: unknown): SavedNetwork['guest'] {
  if (!isRecord(value)) throw corruptSaved(WHOSE);
  const address = addressOf(value['address']);
  if (address.length !== 4) throw corruptSaved(WHOSE);
  return {mac: macOf(value['mac']), address};
}

function readConnection(value: unknown): LostConnection {
  if (!isRecord(value)) throw corruptSaved(WHOSE);
  const guestAddress = addressOf(value['guest']);
  const peerAddress = addressOf(value['peer']);
  const guestMac = macOf(value['mac']);
  const {guestPort, peerPort, next, receiveNext} = value;
  const hasPorts = isBelow(guestPort, 0x1_0000) && isBelow(peerPort, 0x1_0000);
  if (guestAddress.length !== peerAddress.length || !hasPorts) throw corruptSaved(WHOSE);
  if (!isBelow(next, 2 ** 32) || !isBelow(receiveNext, 2 ** 32)) throw corruptSaved(WHOSE);
  const isIpv6 = guestAddress.length === 16;
  const flow = {isIpv6, guestMac, guestAddress, guestPort, peerAddress, peerPort};
  return {flow, next, receiveNext};
}

function addressOf(value: unknown): Uint8Array {
  const address = typeof value === 'string' ? parseAddress(value) : undefined;
  if (address === undefined) throw corruptSaved(WHOSE);
  return address;
}

function macOf(value: unknown): Uint8Array {
  const isMac = Array.isArray(value) && value.length === 6 && value.every((byte) => isBelow(byte, 256));
  if (!isMac) throw corruptSaved(WHOSE);
  return Uint8Array.from(value);
}

const isBelow = (value: unknown, limit: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < limit;

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

const isLease = (value: unknown): value is [string, number] =>
  Array.isArray(value) && value.length === 2 && typeof value[0] === 'string' && isBelow(value[1], 255);
