import type {Action} from '../keys/action.js';
import {text} from '../text/text.js';

/** Narrows the list down. */
export const filter: Action = {
  id: 'list.filter',
  keys: ['/'],
  group: 'View',
  hint: {label: text.actions.filter.hint, rank: 10},
  help: text.actions.filter.help,
  isEnabled: (state) => (state.machines.length > 0 ? true : text.actions.filter.refusals.none),
  run: ({dispatch}) => dispatch({type: 'filterOpened'}),
};
