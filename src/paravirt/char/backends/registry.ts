export {AttachedInput} from './attached-input.js';
export {openPty} from './pty.js';
export {ScrollbackRing} from './scrollback.js';
export {openSocket} from './socket.js';
