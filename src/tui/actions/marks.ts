import type {Action, ActionContext} from '../keys/action.js';
import {markedMachines, selectedRow, visibleMachines} from '../state/list.js';
import type {AppState} from '../state/model.js';
import {text} from '../text/text.js';

function hasMachines(state: AppState): true | string {
  return state.machines.length > 0 ? true : text.actions.marks.refusals.none;
}

function setMarks({dispatch}: ActionContext, marks: Iterable<string>): void {
  dispatch({type: 'listChanged', changes: {marks: new Set(marks)}});
}

/** Marks the row, or takes its mark away, and goes on to the next. */
export const mark: Action = {
  id: 'list.mark',
  keys: ['space'],
  group: 'Marks',
  help: text.actions.mark.help,
  isEnabled: hasMachines,
  run: (context) => {
    const {state, dispatch} = context;
    const row = selectedRow(state);
    if (row === undefined) return;
    const ids = row.kind === 'group' ? row.machines.map(({id}) => id) : [row.id];
    const marks = new Set(state.list.marks);
    const isMarked = ids.every((id) => marks.has(id));
    for (const id of ids)
      if (isMarked) marks.delete(id);
      else marks.add(id);
    setMarks(context, marks);
    dispatch({type: 'selectionMoved', by: 1});
  },
};

/** Marks what the filter lets through. */
export const markAll: Action = {
  id: 'list.markAll',
  keys: ['ctrl-a'],
  group: 'Marks',
  help: text.actions.markAll.help,
  isEnabled: hasMachines,
  run: (context) => {
    const {state} = context;
    const all = visibleMachines(state);
    const isAll = markedMachines(state).length === all.length;
    setMarks(context, isAll ? [] : all.map(({id}) => id));
  },
};

/** Marks what is not marked. */
export const markOthers: Action = {
  id: 'list.markOthers',
  keys: ['*'],
  group: 'Marks',
  help: text.actions.markOthers.help,
  isEnabled: hasMachines,
  run: (context) => {
    const {state} = context;
    const {marks} = state.list;
    const others = visibleMachines(state).filter(({id}) => !marks.has(id));
    setMarks(
      context,
      others.map(({id}) => id),
    );
  },
};
