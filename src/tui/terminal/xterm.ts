import * as serialize from '@xterm/addon-serialize';
import * as headless from '@xterm/headless';
import {commonJs} from './common-js.js';

/** The headless terminal emulator class. */
export const Terminal = commonJs(headless).Terminal;

/** An instance of {@link Terminal}. */
export type Terminal = headless.Terminal;

/** The addon that writes a screen as text with escape sequences. */
export const SerializeAddon = commonJs(serialize).SerializeAddon;
