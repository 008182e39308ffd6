export {balloon} from './balloon.js';
export {blk} from './blk.js';
export {consoleDevice} from './console.js';
export {net} from './net.js';
export {p9} from './p9.js';
export {rng} from './rng.js';
export {vsock} from './vsock.js';
