/**
 * The interpreter of a machine as a module: generated, or taken from where an earlier machine's was kept. Generating it
 * takes a fresh thread some 100 ms, and machines of one build, size and number of harts have the same.
 */
import type {Decoder} from '../isa/decoder.js';
import {buildInterpreter, HandlerSet, type InterpreterOptions} from './interpreter.js';
import {fusedSequences} from './sequences.js';

/** Keeps generated code between processes. What it gives back must be what was kept: it is run as it is. */
export interface CodeKeeper {
  /** `key` says everything that the code depends on but the emulator's build. */
  find(key: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Never fails: what cannot be kept is made again. */
  keep(key: string, code: Uint8Array<ArrayBuffer>): void;
}

/** The module's bytes. */
export async function interpreterCode(
  decoder: () => Decoder,
  options: InterpreterOptions,
  keeper: CodeKeeper | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const key = `interpreter ${JSON.stringify(options)}`;
  const kept = await keeper?.find(key);
  if (kept) return kept;
  const code = buildInterpreter(new HandlerSet(decoder(), fusedSequences), options);
  keeper?.keep(key, code);
  return code;
}
