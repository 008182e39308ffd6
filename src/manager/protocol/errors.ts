/**
 * What the user or the host did wrong: a stable code, one sentence, and the next step. One place turns it into a
 * JSON-RPC error and back, so that a command line or a toast shows the daemon's own words.
 */

/** Every code a `ManagerError` can carry. Codes are stable: programs match on them. */
export const errorCodes = [
  'bad-request',
  'request-too-large',
  'not-greeted',
  'version-mismatch',
  'daemon-unreachable',
  'daemon-hangs',
  'daemon-already-running',
  'runtime-folder-unsafe',
  'path-too-long',
  'state-file-broken',
  'state-file-newer',
  'storage-failed',
  'disk-full',
  'bad-setting',
  'bad-name',
  'name-taken',
  'machine-not-found',
  'machine-broken',
  'machine-failed',
  'wrong-state',
  'not-supported',
  'shutdown-timeout',
  'not-enough-memory',
  'bad-memory-size',
  'bad-kernel',
  'bad-firmware',
  'bad-disk',
  'disk-in-use',
  'port-in-use',
  'bad-share',
  'bad-snapshot',
  'snapshot-not-found',
  'nothing-to-undo',
  'file-not-found',
  'file-exists',
  'bad-recording',
  'no-permission',
  'viewer-not-found',
  'keyboard-taken',
  'no-agent',
  'agent-too-old',
  'agent-failed',
  'job-not-found',
  'cancelled',
  'image-not-found',
  'image-not-built',
  'image-in-use',
  'image-build-failed',
  'recipe-broken',
  'apt-missing',
  'apt-failed',
  'keyring-missing',
  'package-broken',
  'network-unreachable',
  'download-failed',
  'checksum-mismatch',
  'connection-refused',
  'internal',
] as const;

/** One of `errorCodes`. */
export type ErrorCode = (typeof errorCodes)[number];

/**
 * An error to show to a person: `message` is one sentence, `hint` the next step (a command where there is one).
 */
export class ManagerError extends Error {
  override readonly name = 'ManagerError';
  readonly code: ErrorCode;
  readonly hint: string;

  constructor(code: ErrorCode, message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.hint = hint;
  }
}

/** What travels in a JSON-RPC error's `data`. */
export interface WireErrorData {
  readonly code: ErrorCode;
  readonly hint: string;
}

/** JSON-RPC number used for every `ManagerError`; the stable code stands in `data.code`. */
export const WIRE_ERROR_NUMBER = -32_000;

/** True for a string that is one of `errorCodes`. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return errorCodes.some((code) => code === value);
}

/**
 * Makes a `ManagerError` of anything thrown: one passes through unchanged, a full disk and an abort get their own codes, the
 * rest is `internal` (a bug) and keeps the original as `cause`.
 */
export function toManagerError(thrown: unknown): ManagerError {
  if (thrown instanceof ManagerError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  if (thrown instanceof Error && thrown.name === 'AbortError')
    return new ManagerError('cancelled', 'It was cancelled.', 'Nothing half-made was left; do it again any time.', {
      cause: thrown,
    });
  if (thrown instanceof Error && 'code' in thrown) {
    if (thrown.code === 'ENOSPC' || thrown.code === 'EDQUOT')
      return new ManagerError('disk-full', `The disk is full: ${message}.`, 'Free some space and try again.', {
        cause: thrown,
      });
    if (isErrorCode(thrown.code) && 'hint' in thrown && typeof thrown.hint === 'string')
      return new ManagerError(thrown.code, message, thrown.hint, {cause: thrown});
  }
  return new ManagerError('internal', message, 'This is a bug in Vivarium; the daemon log has the details.', {
    cause: thrown,
  });
}
