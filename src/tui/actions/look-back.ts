import type {Action} from '../keys/action.js';
import type {AppState} from '../state/model.js';
import {selectedMachine, shownConsole} from '../state/selectors.js';

function isShown(state: AppState): true | string {
  if (selectedMachine(state) === undefined) return 'There is no machine yet.';
  return shownConsole(state) === undefined ? 'The console is not on the screen; 1 shows it.' : true;
}

function lookAction(record: Pick<Action, 'id' | 'keys' | 'help' | 'run'>): Action {
  return {group: 'Console', isEnabled: isShown, ...record};
}

/** One page up in what the console has printed. */
export const consoleScrollUp = lookAction({
  id: 'console.scrollUp',
  keys: ['shift-pageup'],
  help: 'Scroll the console back; the wheel does it too. Also while it has the keyboard.',
  run: ({console}) => console.scrollPages(-1),
});

/** One page down. */
export const consoleScrollDown = lookAction({
  id: 'console.scrollDown',
  keys: ['shift-pagedown'],
  help: 'Scroll it forward again.',
  run: ({console}) => console.scrollPages(1),
});

/** Search in what the console has printed. */
export const consoleSearch = lookAction({
  id: 'console.search',
  keys: ['F'],
  help: 'Search in what the console has printed; Enter ~ / while it has the keyboard.',
  run: ({console}) => console.lookBack(true),
});

/** Copy mode. */
export const consoleCopy = lookAction({
  id: 'console.copy',
  keys: ['V'],
  help: 'Copy mode: h j k l w b move, v V select, y copies; Enter ~ [ while it has the keyboard.',
  run: ({console}) => console.lookBack(false),
});
