import type {Action} from '../keys/action.js';
import {textInput} from '../state/text-input.js';
import {text} from '../text/text.js';

/** All actions by name. */
export const palette: Action = {
  id: 'program.palette',
  keys: [':', 'ctrl-p'],
  group: 'Program',
  hint: {label: text.actions.palette.hint, rank: 18, isPinned: true},
  help: text.actions.palette.help,
  isEnabled: () => true,
  run: ({dispatch}) => dispatch({type: 'overlayShown', overlay: {kind: 'palette', input: textInput(), chosen: 0}}),
};
