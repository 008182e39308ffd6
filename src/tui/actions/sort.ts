import type {Action} from '../keys/action.js';
import {GROUPINGS, listRows, SORT_COLUMNS, selectedRow} from '../state/list.js';

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
      toast(`Sorted by ${sort}.`);
    },
  };
}

/** Sorts by the column before. */
export const sortPrevious = sorter('list.sortPrevious', '<', 'Sort the list by another column, to the left.', -1);
/** Sorts by the column after. */
export const sortNext = sorter('list.sortNext', '>', 'Sort by another: name, state, CPU, memory, age.', 1);

/** Turns the order around. */
export const sortReverse: Action = {
  id: 'list.sortReverse',
  keys: ['='],
  group: 'View',
  help: 'Turn the order of the list around.',
  isEnabled: () => true,
  run: ({state, dispatch}) => dispatch({type: 'listChanged', changes: {isReversed: !state.list.isReversed}}),
};

/** Lists machines under other headings. */
export const groupBy: Action = {
  id: 'list.groupBy',
  keys: ['b'],
  group: 'View',
  help: 'List the machines by another: their group, state, driver, or none.',
  isEnabled: () => true,
  run: ({state, dispatch, toast}) => {
    const grouping = GROUPINGS[(GROUPINGS.indexOf(state.list.grouping) + 1) % GROUPINGS.length] ?? 'none';
    dispatch({type: 'listChanged', changes: {grouping, folded: new Set()}});
    toast(grouping === 'none' ? 'Listed without headings.' : `Listed by ${grouping}.`);
  },
};

/** Folds the group of the row up, or out again. */
export const fold: Action = {
  id: 'list.fold',
  keys: ['z'],
  group: 'View',
  help: 'Fold the group of the row, or unfold it.',
  isEnabled: (state) =>
    listRows(state).some(({kind}) => kind === 'group')
      ? true
      : 'No machine is in a group; viv tag NAME --group GROUP puts it into one, b lists by state.',
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
