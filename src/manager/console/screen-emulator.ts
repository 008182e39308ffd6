/** The terminal emulator of `console-screen.ts`, as a module that is loaded when it is needed. */
import serialize from '@xterm/addon-serialize';
import headless from '@xterm/headless';

/** See `@xterm/headless`. */
export const {Terminal} = headless;
/** See `@xterm/addon-serialize`. */
export const {SerializeAddon} = serialize;
