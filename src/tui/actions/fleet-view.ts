import type {Action} from '../keys/action.js';
import {FLEET_ORDERS, isFleetInSight} from '../state/graphs.js';
import {text} from '../text/text.js';

/** The whole fleet on the whole screen, or back. */
export const fleetView: Action = {
  id: 'fleet.view',
  keys: ['v'],
  group: 'Fleet view',
  help: text.actions.fleetView.help,
  hint: {label: text.actions.fleetView.hint, rank: 13},
  command: 'viv top',
  isEnabled: (state) => (state.machines.length > 0 ? true : text.fleet.noMachine),
  run: ({state, dispatch}) => dispatch({type: 'fleetViewShown', isShown: !isFleetInSight(state)}),
};

function fleetAction(record: Omit<Action, 'tab' | 'group' | 'isEnabled'>): Action {
  return {tab: 'fleet', group: 'Fleet view', isEnabled: () => true, ...record};
}

/** Back to list and pane. */
export const fleetClose = fleetAction({
  id: 'fleet.close',
  keys: ['esc'],
  help: text.actions.fleetClose.help,
  hint: {label: text.actions.fleetClose.hint, rank: -3, isPinned: true},
  run: ({state, dispatch}) =>
    state.filter === ''
      ? dispatch({type: 'fleetViewShown', isShown: false})
      : dispatch({type: 'filterClosed', isKept: false}),
});

/** The highlighted machine in the list, with its graphs. */
export const fleetOpen = fleetAction({
  id: 'fleet.open',
  keys: ['enter'],
  help: text.actions.fleetOpen.help,
  hint: {label: text.actions.fleetOpen.hint, rank: -5},
  run: ({dispatch}) => dispatch({type: 'tabChosen', tab: 'graphs'}),
});

/** Sorted by the number to the right. */
export const fleetSortNext = fleetAction({
  id: 'fleet.sortNext',
  keys: ['right', 'l'],
  help: text.actions.fleetSortNext.help(FLEET_ORDERS.map((order) => text.actions.fleetOrders[order])),
  hint: {label: text.actions.fleetSortNext.hint, rank: -4},
  run: ({dispatch}) => dispatch({type: 'fleetOrderMoved', by: 1}),
});

/** Sorted by the number to the left. */
export const fleetSortPrevious = fleetAction({
  id: 'fleet.sortPrevious',
  keys: ['left', 'h'],
  help: text.actions.fleetSortPrevious.help,
  run: ({dispatch}) => dispatch({type: 'fleetOrderMoved', by: -1}),
});
