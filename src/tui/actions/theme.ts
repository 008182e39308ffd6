import type {Action} from '../keys/action.js';
import {text} from '../text/text.js';
import {THEME_NAMES} from '../theme.js';

/** Other colours. */
export const theme: Action = {
  id: 'program.theme',
  keys: ['ctrl-t'],
  group: 'Program',
  help: text.actions.theme.help,
  isEnabled: () => true,
  run: ({state, dispatch, toast}) => {
    const names = THEME_NAMES.filter((name) => name !== 'own' || state.hasOwnTheme);
    const next = names[(names.indexOf(state.theme) + 1) % names.length] ?? 'dark';
    dispatch({type: 'themeChosen', theme: next});
    toast(text.actions.theme.chosen(text.actions.theme.names[next]));
  },
};
