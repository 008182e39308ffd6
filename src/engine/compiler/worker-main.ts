/** Entry file of the region compiler's thread. */
import {runCompiler} from './worker.js';

runCompiler();
