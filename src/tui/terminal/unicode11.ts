import * as unicode11 from '@xterm/addon-unicode11';
import {commonJs} from './common-js.js';

/** The addon that brings Unicode 11 character widths. */
export const Unicode11Addon = commonJs(unicode11).Unicode11Addon;
