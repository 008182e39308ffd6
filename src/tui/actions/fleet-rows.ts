import type {Action} from '../keys/action.js';
import {fleetNeighbour} from '../state/presenters/fleet-view.js';
import {text} from '../text/text.js';

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
export const fleetUp = rowMover('fleet.up', ['up', 'k'], text.actions.fleetUp.help, () => -1);
/** Down one row of the table. */
export const fleetDown = rowMover('fleet.down', ['down', 'j'], text.actions.fleetDown.help, () => 1);
/** Up one page of the table. */
export const fleetPageUp = rowMover(
  'fleet.pageUp',
  ['pageup'],
  text.actions.movePageUp.help,
  (rows) => -Math.max(1, rows - 12),
);
/** Down one page of the table. */
export const fleetPageDown = rowMover('fleet.pageDown', ['pagedown'], text.actions.movePageDown.help, (rows) =>
  Math.max(1, rows - 12),
);
