import type {Action} from '../keys/action.js';
import {fleetNeighbour} from '../state/presenters/fleet-view.js';

function rowMover(id: string, keys: readonly string[], help: string, by: (rows: number) => number): Action {
  return {
    tab: 'fleet',
    group: 'Fleet view',
    id,
    keys,
    help,
    isEnabled: () => true,
    run: ({state, dispatch}) => {
      const machineId = fleetNeighbour(state, by(state.size.rows));
      if (machineId !== undefined) dispatch({type: 'machineSelected', id: machineId});
    },
  };
}

/** Up one row of the table. */
export const fleetUp = rowMover('fleet.up', ['up', 'k'], 'Go to the row above.', () => -1);
/** Down one row of the table. */
export const fleetDown = rowMover('fleet.down', ['down', 'j'], 'Go to the row below.', () => 1);
/** Up one page of the table. */
export const fleetPageUp = rowMover('fleet.pageUp', ['pageup'], 'Go up one page.', (rows) => -Math.max(1, rows - 12));
/** Down one page of the table. */
export const fleetPageDown = rowMover('fleet.pageDown', ['pagedown'], 'Go down one page.', (rows) =>
  Math.max(1, rows - 12),
);
