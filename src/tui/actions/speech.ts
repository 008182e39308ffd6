import type {Action} from '../keys/action.js';
import {text} from '../text/text.js';

/** How the UI begins the next time. */
export const speech: Action = {
  id: 'program.speech',
  keys: ['f8'],
  group: 'Program',
  help: text.actions.speech.help,
  command: 'viv --screen-reader',
  isEnabled: () => true,
  run: ({state, dispatch, toast}) => {
    dispatch({type: 'speechTurned', isOn: !state.isSpoken});
    toast(state.isSpoken ? text.actions.speech.off : text.actions.speech.on);
  },
};
