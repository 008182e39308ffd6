/** The engine's assembler, where tests look for it. */
export {Assembler, encode, type Fields, recordOf} from '../../src/engine/debug/assembler.js';
