/** What a snapshot holds of a console's port: what the guest was told, and what it said, over the control queues. */
import {corruptSaved, parseSaved} from '../../saved-json.js';

const WHOSE = 'a console';

/** One port. */
export interface SavedPort {
  readonly isGuestOpen: boolean;
  readonly isHostOpen: boolean;
  /** The guest has written to it. Absent in states from before it was kept. */
  readonly hasOutput?: boolean;
  /** The guest has said that it knows the port. */
  readonly isReady: boolean;
  /** Control events that the guest has to be told of (see `EVENT`). */
  readonly events: readonly number[];
  /** Input that the guest has not read, base64. */
  readonly input: string;
}

/** Reads the JSON that the console saved. Errors: ParavirtError `corrupt` */
export function readSavedPorts(saved: string, count: number): readonly SavedPort[] {
  const ports: unknown = parseSaved(saved, WHOSE);
  if (!Array.isArray(ports) || ports.length !== count || !ports.every(isSavedPort)) throw corruptSaved(WHOSE);
  return ports;
}

/** How many ports the console had that saved this. Errors: ParavirtError `corrupt` */
export function countSavedPorts(saved: string): number {
  const ports: unknown = parseSaved(saved, WHOSE);
  if (!Array.isArray(ports) || ports.length === 0) throw corruptSaved(WHOSE);
  return ports.length;
}

function isSavedPort(value: unknown): value is SavedPort {
  if (typeof value !== 'object' || value === null) return false;
  const port = value as Partial<Record<keyof SavedPort, unknown>>;
  return (
    typeof port.isGuestOpen === 'boolean' &&
    typeof port.isHostOpen === 'boolean' &&
    (port.hasOutput === undefined || typeof port.hasOutput === 'boolean') &&
    typeof port.isReady === 'boolean' &&
    Array.isArray(port.events) &&
    port.events.every((event) => Number.isInteger(event)) &&
    typeof port.input === 'string' &&
    /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(port.input)
  );
}
