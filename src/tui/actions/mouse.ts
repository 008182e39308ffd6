import type {Action} from '../keys/action.js';
import {text} from '../text/text.js';

/** Turns the mouse on or off. */
export const mouse: Action = {
  id: 'program.mouse',
  keys: ['M'],
  group: 'Program',
  help: text.actions.mouse.help,
  isEnabled: () => true,
  run: ({state, dispatch, toast}) => {
    dispatch({type: 'mouseTurned', isOn: !state.isMouseOn});
    toast(state.isMouseOn ? text.actions.mouse.off : text.actions.mouse.on);
  },
};
