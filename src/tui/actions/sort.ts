import type {Action} from '../keys/action.js';
import {GROUPINGS, listRows, SORT_COLUMNS, selectedRow} from '../state/list.js';
import {text} from '../text/text.js';

function sorter(id: string, key: string, help: string, by: number): Action {
  return {
    id,
    keys: [key],
    group: 'View',
    help,
    isEnabled: () => true,
    run: ({state, dispatch, toast}) => {
      const count = SORT_COLUMNS.length;
      const sort = SORT_COLUMNS[(SORT_COLUMNS.indexOf(state.list.sort) + by + count) % count] ?? 'name';
      dispatch({type: 'listChanged', changes: {sort}});
      toast(text.actions.sort.done(text.actions.sort.columns[sort]));
    },
  };
}

/** Sorts by the column before. */
export const sortPrevious = sorter('list.sortPrevious', '<', text.actions.sortPrevious.help, -1);
/** Sorts by the column after. */
export const sortNext = sorter('list.sortNext', '>', text.actions.sortNext.help, 1);

/** Turns the order around. */
export const sortReverse: Action = {
  id: 'list.sortReverse',
  keys: ['='],
  group: 'View',
  help: text.actions.sortReverse.help,
  isEnabled: () => true,
  run: ({state, dispatch}) => dispatch({type: 'listChanged', changes: {isReversed: !state.list.isReversed}}),
};

/** Lists machines under other headings. */
export const groupBy: Action = {
  id: 'list.groupBy',
  keys: ['b'],
  group: 'View',
  help: text.actions.groupBy.help,
  isEnabled: () => true,
  run: ({state, dispatch, toast}) => {
    const grouping = GROUPINGS[(GROUPINGS.indexOf(state.list.grouping) + 1) % GROUPINGS.length] ?? 'none';
    dispatch({type: 'listChanged', changes: {grouping, folded: new Set()}});
    toast(text.actions.groupBy.done[grouping]);
  },
};

/** Folds the group of the row up, or out again. */
export const fold: Action = {
  id: 'list.fold',
  keys: ['z'],
  group: 'View',
  help: text.actions.fold.help,
  isEnabled: (state) => (listRows(state).some(({kind}) => kind === 'group') ? true : text.actions.fold.refusals.none),
  run: ({state, dispatch}) => {
    const row = selectedRow(state);
    const groups = listRows(state).filter((one) => one.kind === 'group');
    const group =
      row?.kind === 'group' ? row : groups.find(({machines}) => machines.some((machine) => machine.id === row?.id));
    if (group === undefined) return;
    const folded = new Set(state.list.folded);
    if (!folded.delete(group.name)) folded.add(group.name);
    dispatch({type: 'listChanged', changes: {folded}});
  },
};
