export {qcow2} from './qcow2/qcow2.js';
export {raw} from './raw.js';
