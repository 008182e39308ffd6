import type {Action} from '../keys/action.js';

// Larger than any list: the reducer stops at the ends.
const ALL_THE_WAY = 1_000_000;

function mover(id: string, keys: readonly string[], help: string, by: (rows: number) => number): Action {
  return {
    id,
    keys,
    group: 'Moving',
    help,
    isEnabled: (state) => (state.machines.length > 0 ? true : 'There is no machine yet.'),
    run: ({state, dispatch}) => dispatch({type: 'selectionMoved', by: by(state.size.rows)}),
  };
}

/** Up one row. */
export const moveUp = mover('list.up', ['up', 'k'], 'Go to the machine above.', () => -1);
/** Down one row. */
export const moveDown = mover('list.down', ['down', 'j'], 'Go to the machine below.', () => 1);
/** Up one page. */
export const movePageUp = mover('list.pageUp', ['pageup'], 'Go up one page.', (rows) => -Math.max(1, rows - 6));
/** Down one page. */
export const movePageDown = mover('list.pageDown', ['pagedown'], 'Go down one page.', (rows) => Math.max(1, rows - 6));
/** To the first row. */
export const moveFirst = mover('list.first', ['g', 'home'], 'Go to the first machine.', () => -ALL_THE_WAY);
/** To the last row. */
export const moveLast = mover('list.last', ['G', 'end'], 'Go to the last machine.', () => ALL_THE_WAY);
