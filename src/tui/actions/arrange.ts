import type {Action} from '../keys/action.js';
import {type Arrangement, LIST_ONLY_COLUMNS} from '../state/layout.js';
import {wallMachines} from '../state/list.js';
import type {AppState} from '../state/model.js';
import {text} from '../text/text.js';

function canArrange(state: AppState): true | string {
  if (state.size.columns < LIST_ONLY_COLUMNS) return text.actions.arrange.refusals.narrow(LIST_ONLY_COLUMNS);
  return state.machines.length > 0 ? true : text.fleet.noMachine;
}

/** `list` has no pane: the arrangement that has most of it is the next to the right. */
const ZOOM: readonly Arrangement[] = ['list', 'split', 'pane'];

function zoom(id: string, key: string, help: string, by: number): Action {
  return {
    id,
    keys: [key],
    group: 'View',
    help,
    isEnabled: (state) => {
      const next = ZOOM[ZOOM.indexOf(state.arrangement) + by];
      if (state.arrangement === 'wall' || next !== undefined) return canArrange(state);
      return by > 0 ? text.actions.arrange.refusals.allPane : text.actions.arrange.refusals.allList;
    },
    run: ({state, dispatch}) => {
      const arrangement = state.arrangement === 'wall' ? 'split' : ZOOM[ZOOM.indexOf(state.arrangement) + by];
      if (arrangement !== undefined) dispatch({type: 'arranged', arrangement});
    },
  };
}

/** More of the pane. */
export const zoomIn = zoom('view.zoomIn', '+', text.actions.zoomIn.help, 1);
/** More of the list. */
export const zoomOut = zoom('view.zoomOut', '_', text.actions.zoomOut.help, -1);

/** Consoles of several machines at once. */
export const wall: Action = {
  id: 'view.wall',
  keys: ['W'],
  group: 'View',
  help: text.actions.wall.help,
  isEnabled: (state) => {
    const can = canArrange(state);
    if (can !== true || state.arrangement === 'wall') return can;
    return wallMachines(state).length > 0 ? true : text.actions.wall.refusals.none;
  },
  run: ({state, dispatch}) => {
    const isWall = state.arrangement === 'wall';
    dispatch({type: 'arranged', arrangement: isWall ? 'split' : 'wall'});
    const machines = wallMachines(state);
    const [first] = machines;
    if (!isWall && first !== undefined && !machines.some(({id}) => id === state.selectedId))
      dispatch({type: 'machineSelected', id: first.id});
  },
};
