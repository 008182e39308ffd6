/**
 * What can be wrong with what a user hands to the engine.
 * - `not-a-kernel`: the file is none of the formats we boot, or its headers contradict themselves
 * - `wrong-machine`: a program for another processor
 * - `truncated-image`: headers promise bytes that are not in the file
 * - `unsupported-compression`: compressed by a method we have no decoder for
 * - `too-large`: does not fit into guest memory or exceeds a stated limit
 * - `outside-memory`: asks for guest addresses that are not RAM
 * - `no-memory`: the host cannot give the memory asked for
 * - `bad-spec`: a machine description that contradicts itself
 * - `bad-state`: a saved state that no machine, or not this one, can be in
 */
export type EngineErrorCode =
  | 'not-a-kernel'
  | 'wrong-machine'
  | 'truncated-image'
  | 'unsupported-compression'
  | 'too-large'
  | 'outside-memory'
  | 'no-memory'
  | 'bad-spec'
  | 'bad-state';

/**
 * An error the user or the host caused, to be shown as it is: one sentence and a hint for the next step.
 * What a guest does wrong is never one of these, and neither is a bug of ours.
 */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly code: EngineErrorCode;
  readonly hint: string;

  constructor(code: EngineErrorCode, message: string, hint: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}
