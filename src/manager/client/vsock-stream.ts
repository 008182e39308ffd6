/** Connections to sockets of a guest (vsock): straight to the machine's process, which belongs to the same user. */
import {join} from 'node:path';
import type {Duplex} from 'node:stream';
import {openGuestStream} from '../hypervisor/builtin/guest-stream.js';
import {findPaths} from '../paths.js';
import type {Machine} from '../protocol/machine.js';
import {explainRefusal} from '../services/guest-streams.js';
import {notRunning} from '../services/running-machine.js';

/** Highest port of a guest; the one above means any. */
export const VSOCK_PORT_MAX = 0xffff_fffe;

/**
 * Opens one to a port where the guest listens; each side ends by itself.
 * Errors: wrong-state, connection-refused, not-supported (no driver, or an older machine process), machine-failed
 */
export async function openVsockStream({id, name, state}: Machine, port: number, signal: AbortSignal): Promise<Duplex> {
  if (state !== 'running') throw notRunning({name, state}, 'reach');
  const opened = await openGuestStream(join(findPaths().runtime, `${id}.sock`), {kind: 'vsock', port}, signal);
  if (typeof opened === 'string') throw explainRefusal(opened, name, port);
  return opened;
}
