import type {Action} from '../keys/action.js';

/** How the UI begins the next time. */
export const speech: Action = {
  id: 'program.speech',
  keys: ['f8'],
  group: 'Program',
  help: 'Screen-reader mode from the next start on: lines of text, nothing drawn; or drawn again.',
  command: 'viv --screen-reader',
  isEnabled: () => true,
  run: ({state, dispatch, toast}) => {
    dispatch({type: 'speechTurned', isOn: !state.isSpoken});
    toast(
      state.isSpoken
        ? 'From the next start on viv draws its screen.'
        : 'From the next start on viv tells everything as lines, for screen readers; F8 takes that back.',
    );
  },
};
