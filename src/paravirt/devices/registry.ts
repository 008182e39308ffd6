export {blk} from './blk.js';
export {consoleDevice} from './console.js';
export {net} from './net.js';
export {rng} from './rng.js';
