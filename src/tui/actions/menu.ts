import type {Action} from '../keys/action.js';

/** What can be done with the highlighted machine. */
export const menu: Action = {
  id: 'machine.menu',
  keys: ['m'],
  group: 'View',
  help: 'A menu of what can be done with the machine, with the letters.',
  isEnabled: (state) => (state.machines.length > 0 ? true : 'There is no machine yet; Enter or n makes one.'),
  run: ({dispatch}) => dispatch({type: 'overlayShown', overlay: {kind: 'menu', chosen: 0}}),
};
