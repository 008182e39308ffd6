/**
 * A region compiler that serves machines until a chosen batch, and dies there. Its bundle's name chooses: `throw-2.mjs`
 * throws when it begins to compile the second batch, `exit-1.mjs` ends the thread at the first.
 */
import v8 from 'node:v8';
import {runCompiler} from '../../src/engine/compiler/worker.js';

const [, how, last] = /(throw|exit)-(\d+)\.mjs$/.exec(import.meta.url) ?? [];
if (how === undefined) throw new Error(`${import.meta.url} does not say how to die`);
const set = v8.setFlagsFromString;
let batches = 0;
v8.setFlagsFromString = (flag) => {
  // The first thing that is done to compile a batch.
  if (flag === '--no-liftoff' && ++batches === Number(last)) {
    if (how === 'exit') process.exit(7);
    throw new Error('a bug in the compiler');
  }
  set(flag);
};
runCompiler();
