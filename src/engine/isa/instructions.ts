/** Every 32-bit instruction of the default hart, in decoding order. */
import type {Instruction} from './instruction.js';
import * as registry from './registry.js';

/** All records of the registry except the compressed ones, which stand for these. */
export const instructions: readonly Instruction[] = Object.entries(registry).flatMap(([name, records]) =>
  name === 'cInstructions' ? [] : (records as readonly Instruction[]),
);
