/** The engine's writer of executables, where tests look for it. */
export {type ElfContents, type Segment, writeElf} from '../../src/engine/debug/elf-writer.js';
