import type {Action} from '../keys/action.js';
import {FLEET_ORDERS, isFleetInSight} from '../state/graphs.js';

/** The whole fleet on the whole screen, or back. */
export const fleetView: Action = {
  id: 'fleet.view',
  keys: ['v'],
  group: 'Fleet view',
  help: 'Show what the whole fleet takes of the host; again goes back.',
  hint: {label: 'fleet', rank: 13},
  command: 'viv top',
  isEnabled: (state) => (state.machines.length > 0 ? true : 'There is no machine yet.'),
  run: ({state, dispatch}) => dispatch({type: 'fleetViewShown', isShown: !isFleetInSight(state)}),
};

function fleetAction(record: Omit<Action, 'tab' | 'group' | 'isEnabled'>): Action {
  return {tab: 'fleet', group: 'Fleet view', isEnabled: () => true, ...record};
}

/** Back to list and pane. */
export const fleetClose = fleetAction({
  id: 'fleet.close',
  keys: ['esc'],
  help: 'Go back to the list.',
  hint: {label: 'back', rank: -3, isPinned: true},
  run: ({state, dispatch}) =>
    state.filter === ''
      ? dispatch({type: 'fleetViewShown', isShown: false})
      : dispatch({type: 'filterClosed', isKept: false}),
});

/** The highlighted machine in the list, with its graphs. */
export const fleetOpen = fleetAction({
  id: 'fleet.open',
  keys: ['enter'],
  help: 'Show the graphs of the machine.',
  hint: {label: 'its graphs', rank: -5},
  run: ({dispatch}) => dispatch({type: 'tabChosen', tab: 'graphs'}),
});

/** Sorted by the number to the right. */
export const fleetSortNext = fleetAction({
  id: 'fleet.sortNext',
  keys: ['right', 'l'],
  help: `Sort by the next number: ${FLEET_ORDERS.join(', ')}.`,
  hint: {label: 'sort', rank: -4},
  run: ({dispatch}) => dispatch({type: 'fleetOrderMoved', by: 1}),
});

/** Sorted by the number to the left. */
export const fleetSortPrevious = fleetAction({
  id: 'fleet.sortPrevious',
  keys: ['left', 'h'],
  help: 'Sort by the number before.',
  run: ({dispatch}) => dispatch({type: 'fleetOrderMoved', by: -1}),
});
