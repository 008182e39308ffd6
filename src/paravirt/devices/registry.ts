export {blk} from './blk.js';
export {consoleDevice} from './console.js';
export {rng} from './rng.js';
