import type {Action} from '../keys/action.js';

/** Leaves the TUI. */
export const quit: Action = {
  id: 'program.quit',
  keys: ['q', 'ctrl-c'],
  group: 'Program',
  hint: {label: 'quit', rank: 17},
  help: 'Leave; machines keep running.',
  isEnabled: () => true,
  run: (context) => context.quit(),
};
