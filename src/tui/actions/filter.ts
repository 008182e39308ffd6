import type {Action} from '../keys/action.js';

/** Narrows the list down. */
export const filter: Action = {
  id: 'list.filter',
  keys: ['/'],
  group: 'View',
  hint: {label: 'filter', rank: 10},
  help: 'Show only machines that match: letters of a name, state: tag: group: driver: image:, cpu>50, mem<1G, -not.',
  isEnabled: (state) => (state.machines.length > 0 ? true : 'There is no machine to look for.'),
  run: ({dispatch}) => dispatch({type: 'filterOpened'}),
};
