import type {Action} from '../keys/action.js';
import {text} from '../text/text.js';

// Larger than any list: the reducer stops at the ends.
const ALL_THE_WAY = 1_000_000;

function mover(id: string, keys: readonly string[], help: string, by: (rows: number) => number): Action {
  return {
    id,
    keys,
    group: 'Moving',
    help,
    isEnabled: (state) => (state.machines.length > 0 ? true : text.fleet.noMachine),
    run: ({state, dispatch}) => dispatch({type: 'selectionMoved', by: by(state.size.rows)}),
  };
}

/** Up one row. */
export const moveUp = mover('list.up', ['up', 'k'], text.actions.moveUp.help, () => -1);
/** Down one row. */
export const moveDown = mover('list.down', ['down', 'j'], text.actions.moveDown.help, () => 1);
/** Up one page. */
export const movePageUp = mover(
  'list.pageUp',
  ['pageup'],
  text.actions.movePageUp.help,
  (rows) => -Math.max(1, rows - 6),
);
/** Down one page. */
export const movePageDown = mover('list.pageDown', ['pagedown'], text.actions.movePageDown.help, (rows) =>
  Math.max(1, rows - 6),
);
/** To the first row. */
export const moveFirst = mover('list.first', ['g', 'home'], text.actions.moveFirst.help, () => -ALL_THE_WAY);
/** To the last row. */
export const moveLast = mover('list.last', ['G', 'end'], text.actions.moveLast.help, () => ALL_THE_WAY);
