export {aclint} from './aclint.js';
export {goldfishRtc} from './goldfish-rtc.js';
export {memoryMap} from './memory-map.js';
export {plic} from './plic.js';
export {SharedLock} from './shared-lock.js';
export {platformModels} from './standard-platform.js';
export {syscon} from './syscon.js';
export {uart16550} from './uart16550.js';
