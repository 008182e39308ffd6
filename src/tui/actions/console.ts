import type {Action} from '../keys/action.js';
import {verbPermission} from '../state/selectors.js';
import {text} from '../text/text.js';

/** The console on the whole screen. */
export const consoleFullscreen: Action = {
  id: 'console.fullscreen',
  keys: ['c'],
  group: 'Machines',
  hint: {label: text.actions.consoleFullscreen.hint, rank: 12},
  help: text.actions.consoleFullscreen.help,
  command: 'viv console NAME',
  isEnabled: (state) => verbPermission(state, 'console'),
  run: ({focusConsole}) => focusConsole(true),
};
