export {BuiltinDriver} from './builtin/driver.js';
