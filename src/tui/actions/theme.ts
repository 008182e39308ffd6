import type {Action} from '../keys/action.js';
import {THEME_NAMES} from '../theme.js';

/** Other colours. */
export const theme: Action = {
  id: 'program.theme',
  keys: ['ctrl-t'],
  group: 'Program',
  help: 'Other colours: dark, light, high contrast, monochrome, your own theme.json.',
  isEnabled: () => true,
  run: ({state, dispatch, toast}) => {
    const names = THEME_NAMES.filter((name) => name !== 'own' || state.hasOwnTheme);
    const next = names[(names.indexOf(state.theme) + 1) % names.length] ?? 'dark';
    dispatch({type: 'themeChosen', theme: next});
    toast(`Theme: ${next}.`);
  },
};
