import * as unicode11 from '@xterm/addon-unicode11';
import * as headless from '@xterm/headless';

// Both packages are CommonJS: Node gives their exports under `default`, the bundler gives them directly.
function commonJs<T extends object>(module: T): T {
  return (module as T & {default?: T}).default ?? module;
}

/** The headless terminal emulator class, however it was loaded. */
export const Terminal = commonJs(headless).Terminal;

/** An instance of {@link Terminal}. */
export type Terminal = headless.Terminal;

/** The addon that brings Unicode 11 character widths. */
export const Unicode11Addon = commonJs(unicode11).Unicode11Addon;
