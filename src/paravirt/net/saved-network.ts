/** What a snapshot holds of a user network: leases, and the connections that its guest will find to have ended. */
import {ParavirtError} from '../error.js';
import {parseAddress} from './address.js';
import {CONNECTIONS_MAX} from './tcp/limits.js';
import type {LostConnection} from './tcp/table.js';

/** See the module. */
export interface SavedNetwork {
  readonly leases: readonly (readonly [string, number])[];
  readonly connections: readonly LostConnection[];
}

/** Reads the JSON that the network saved. Errors: ParavirtError `corrupt` */
export function readSavedNetwork(saved: string): SavedNetwork {
  const value = parse(saved);
  if (!isRecord(value) || !Array.isArray(value['leases']) || !Array.isArray(value['connections'])) throw corrupt();
  const {leases, connections} = value as {leases: unknown[]; connections: unknown[]};
  if (!leases.every(isLease) || connections.length > CONNECTIONS_MAX) throw corrupt();
  return {leases, connections: connections.map(readConnection)};
}

function readConnection(value: unknown): LostConnection {
  if (!isRecord(value)) throw corrupt();
  const guestAddress = addressOf(value['guest']);
  const peerAddress = addressOf(value['peer']);
  const mac = value['mac'];
  const isMac = Array.isArray(mac) && mac.length === 6 && mac.every((byte) => isBelow(byte, 256));
  const {guestPort, peerPort, next, receiveNext} = value;
  const hasPorts = isBelow(guestPort, 0x1_0000) && isBelow(peerPort, 0x1_0000);
  if (guestAddress.length !== peerAddress.length || !isMac || !hasPorts) throw corrupt();
  if (!isBelow(next, 2 ** 32) || !isBelow(receiveNext, 2 ** 32)) throw corrupt();
  const isIpv6 = guestAddress.length === 16;
  const flow = {isIpv6, guestMac: Uint8Array.from(mac), guestAddress, guestPort, peerAddress, peerPort};
  return {flow, next, receiveNext};
}

function addressOf(value: unknown): Uint8Array {
  const address = typeof value === 'string' ? parseAddress(value) : undefined;
  if (address === undefined) throw corrupt();
  return address;
}

const isBelow = (value: unknown, limit: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < limit;

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

const isLease = (value: unknown): value is [string, number] =>
  Array.isArray(value) && value.length === 2 && typeof value[0] === 'string' && isBelow(value[1], 255);

function parse(saved: string): unknown {
  try {
    return JSON.parse(saved);
  } catch {
    throw corrupt();
  }
}

function corrupt(): ParavirtError {
  return new ParavirtError('corrupt', 'The saved state of a network makes no sense.', 'Use another snapshot.');
}
