export {raw} from './raw.js';
