import type {Action} from '../keys/action.js';
import {verbPermission} from '../state/selectors.js';

/** The console on the whole screen. */
export const consoleFullscreen: Action = {
  id: 'console.fullscreen',
  keys: ['c'],
  group: 'Machines',
  hint: {label: 'full screen', rank: 12},
  help: 'The console on the whole screen; Ctrl-] comes back.',
  command: 'viv console NAME',
  isEnabled: (state) => verbPermission(state, 'console'),
  run: ({focusConsole}) => focusConsole(true),
};
