/**
 * What can be wrong with what a user or the host hands to a backend.
 * - `not-found`, `no-permission`, `not-a-file`: a path that cannot be opened as what it should be
 * - `no-space`: the host's disk is full; the request can be repeated when there is room
 * - `io`: the host's disk or socket failed
 * - `in-use`: somebody else has it
 * - `bad-option`: options that contradict themselves
 * - `corrupt`: an image that contradicts itself
 * - `unsupported`: an image that uses what we do not know
 * - `unavailable`: this host cannot do it
 */
export type ParavirtErrorCode =
  | 'not-found'
  | 'no-permission'
  | 'not-a-file'
  | 'no-space'
  | 'io'
  | 'in-use'
  | 'bad-option'
  | 'corrupt'
  | 'unsupported'
  | 'unavailable';

/**
 * An error the user or the host caused, to be shown as it is: one sentence and a hint for the next step.
 * What a guest does wrong is a `GuestFault`, never one of these.
 */
export class ParavirtError extends Error {
  override readonly name = 'ParavirtError';
  readonly code: ParavirtErrorCode;
  readonly hint: string;

  constructor(code: ParavirtErrorCode, message: string, hint: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : {cause});
    this.code = code;
    this.hint = hint;
  }
}
