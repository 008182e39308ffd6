import type {Action} from '../keys/action.js';

/** Shows all keys. */
export const help: Action = {
  id: 'program.help',
  keys: ['?', 'f1'],
  group: 'Program',
  hint: {label: 'help', rank: 16, isPinned: true},
  help: 'Show all keys.',
  isEnabled: () => true,
  run: ({dispatch}) => dispatch({type: 'overlayShown', overlay: {kind: 'help', scroll: 0}}),
};
