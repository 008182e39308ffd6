import type {Action} from '../keys/action.js';
import {text} from '../text/text.js';

/** Leaves the TUI. */
export const quit: Action = {
  id: 'program.quit',
  keys: ['q', 'ctrl-c'],
  group: 'Program',
  hint: {label: text.actions.quit.hint, rank: 17},
  help: text.actions.quit.help,
  isEnabled: () => true,
  run: (context) => context.quit(),
};
