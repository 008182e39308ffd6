import type {Action} from '../keys/action.js';
import {text} from '../text/text.js';

/** What can be done with the highlighted machine. */
export const menu: Action = {
  id: 'machine.menu',
  keys: ['m'],
  group: 'View',
  help: text.actions.menu.help,
  isEnabled: (state) => (state.machines.length > 0 ? true : text.actions.menu.refusals.none),
  run: ({dispatch}) => dispatch({type: 'overlayShown', overlay: {kind: 'menu', chosen: 0}}),
};
