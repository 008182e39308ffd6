import type {Action} from '../keys/action.js';

/** Turns the mouse on or off. */
export const mouse: Action = {
  id: 'program.mouse',
  keys: ['M'],
  group: 'Program',
  help: 'Turn the mouse off, so that the terminal itself selects text, or on again.',
  isEnabled: () => true,
  run: ({state, dispatch, toast}) => {
    dispatch({type: 'mouseTurned', isOn: !state.isMouseOn});
    toast(
      state.isMouseOn ? 'The mouse is the terminal’s now; M turns it on again.' : 'The mouse is on; M turns it off.',
    );
  },
};
