import type {Action} from '../keys/action.js';
import type {AppState} from '../state/model.js';
import {selectedMachine, shownConsole} from '../state/selectors.js';
import {text} from '../text/text.js';

function isShown(state: AppState): true | string {
  if (selectedMachine(state) === undefined) return text.fleet.noMachine;
  return shownConsole(state) === undefined ? text.actions.lookBack.refusals.notShown : true;
}

function lookAction(record: Pick<Action, 'id' | 'keys' | 'help' | 'run'>): Action {
  return {group: 'Console', isEnabled: isShown, ...record};
}

/** One page up in what the console has printed. */
export const consoleScrollUp = lookAction({
  id: 'console.scrollUp',
  keys: ['shift-pageup'],
  help: text.actions.consoleScrollUp.help,
  run: ({console}) => console.scrollPages(-1),
});

/** One page down. */
export const consoleScrollDown = lookAction({
  id: 'console.scrollDown',
  keys: ['shift-pagedown'],
  help: text.actions.consoleScrollDown.help,
  run: ({console}) => console.scrollPages(1),
});

/** Search in what the console has printed. */
export const consoleSearch = lookAction({
  id: 'console.search',
  keys: ['F'],
  help: text.actions.consoleSearch.help,
  run: ({console}) => console.lookBack(true),
});

/** Copy mode. */
export const consoleCopy = lookAction({
  id: 'console.copy',
  keys: ['V'],
  help: text.actions.consoleCopy.help,
  run: ({console}) => console.lookBack(false),
});
