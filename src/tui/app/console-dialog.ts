import type {ActionContext} from '../keys/action.js';
import type {ConsoleDialog} from '../state/console.js';
import {selectedMachine} from '../state/selectors.js';

const TURNS: ReadonlySet<string> = new Set(['left', 'right', 'tab', 'shift-tab', 'h', 'l']);
const NOES: ReadonlySet<string> = new Set(['n', 'esc', 'enter', 'q']);

/** A key in a dialog about a console. */
export function handleConsoleDialog(context: ActionContext, dialog: ConsoleDialog, key: string): void {
  const {dispatch, state} = context;
  if (dialog.kind === 'chords') {
    if (key !== '') dispatch({type: 'overlayClosed'});
  } else if (TURNS.has(key)) {
    const turned = {...dialog, isYes: !dialog.isYes};
    dispatch({type: 'overlayShown', overlay: {kind: 'console', dialog: turned}});
  } else if (key === 'y' || (key === 'enter' && dialog.isYes)) {
    dispatch({type: 'overlayClosed'});
    // Another machine may be in the pane by now, when this one was removed.
    if (selectedMachine(state)?.id === dialog.paste.machineId) context.console.type(dialog.paste.bytes);
  } else if (NOES.has(key)) dispatch({type: 'overlayClosed'});
}
