/** Gives errors of the engine and of devices their place in the manager's table; message and hint stay. */
import {EngineError, type EngineErrorCode} from '../../../engine/error.js';
import {ParavirtError} from '../../../paravirt/error.js';
import {type ErrorCode, ManagerError, toManagerError} from '../../protocol/errors.js';

const engineCodes: Partial<Record<EngineErrorCode, ErrorCode>> = {
  'no-memory': 'not-enough-memory',
  'bad-spec': 'bad-request',
  'bad-state': 'bad-snapshot',
};

/** An error of opening a port of the host. */
export function translatePortError(thrown: unknown): ManagerError {
  if (!(thrown instanceof ParavirtError)) return toManagerError(thrown);
  const code = thrown.code === 'in-use' ? 'port-in-use' : 'bad-request';
  return new ManagerError(code, thrown.message, thrown.hint, {cause: thrown});
}

/** `bootCode` is what a bad boot file is called here. */
export function translateHostError(thrown: unknown, bootCode: 'bad-kernel' | 'bad-firmware'): ManagerError {
  if (thrown instanceof EngineError) {
    const code: ErrorCode = engineCodes[thrown.code] ?? bootCode;
    return new ManagerError(code, thrown.message, thrown.hint, {cause: thrown});
  }
  if (thrown instanceof ParavirtError) {
    const code: ErrorCode =
      thrown.code === 'no-space' ? 'disk-full' : thrown.code === 'not-found' ? 'file-not-found' : 'bad-disk';
    return new ManagerError(code, thrown.message, thrown.hint, {cause: thrown});
  }
  return toManagerError(thrown);
}
