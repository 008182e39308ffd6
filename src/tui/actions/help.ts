import type {Action} from '../keys/action.js';
import {text} from '../text/text.js';

/** Shows all keys. */
export const help: Action = {
  id: 'program.help',
  keys: ['?', 'f1'],
  group: 'Program',
  hint: {label: text.actions.help.hint, rank: 16, isPinned: true},
  help: text.actions.help.help,
  isEnabled: () => true,
  run: ({dispatch}) => dispatch({type: 'overlayShown', overlay: {kind: 'help', scroll: 0}}),
};
