import type {Action} from '../keys/action.js';

/** The mouse, on or off. */
export const mouse: Action = {
  id: 'view.mouse',
  keys: ['M'],
  group: 'View',
  help: 'Mouse on or off; while it is off, the terminal itself selects text.',
  isEnabled: () => true,
  run: ({state, dispatch, toast}) => {
    const isOn = !state.console.isMouseOn;
    dispatch({type: 'console', news: {type: 'mouseTurned', isOn}});
    toast(
      isOn
        ? 'The mouse scrolls; Shift selects text in most terminals.'
        : 'The mouse is the terminal’s own; M takes it back.',
    );
  },
};
