/**
 * The socket device of a machine: a guest's wish for port N of the host leads to the unix socket `vsock/N.sock` in the
 * machine's folder, where somebody listens there. Nothing else of the host can be reached.
 */
import {connect, type Socket} from 'node:net';
import {join} from 'node:path';
import {VsockDevice} from '../../../paravirt/devices/vsock.js';
import {MAX_SOCKET_PATH_BYTES} from '../../paths.js';

/** Below a machine's folder. */
export const VSOCK_FOLDER = 'vsock';

/** Without a folder a guest reaches nothing. */
export function openVsock(folder: string | undefined): VsockDevice {
  return new VsockDevice({connect: (port) => (folder === undefined ? undefined : reach(folder, port))});
}

function reach(folder: string, port: number): Socket | undefined {
  const path = join(folder, VSOCK_FOLDER, `${port}.sock`);
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) return undefined;
  return connect({path, allowHalfOpen: true});
}
