import type {Action} from '../keys/action.js';
import {textInput} from '../state/text-input.js';

/** All actions by name. */
export const palette: Action = {
  id: 'program.palette',
  keys: [':', 'ctrl-p'],
  group: 'Program',
  hint: {label: 'all', rank: 18, isPinned: true},
  help: 'Look for anything by name: actions with their keys and commands, and machines.',
  isEnabled: () => true,
  run: ({dispatch}) => dispatch({type: 'overlayShown', overlay: {kind: 'palette', input: textInput(), chosen: 0}}),
};
