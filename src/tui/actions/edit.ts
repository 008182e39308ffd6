import {type Machine, machineEdit, machineLabel, machineRename, machineShow} from '../../manager/protocol/machine.js';
import type {Action, ActionContext} from '../keys/action.js';
import {draftOf, editForm, type MachineForm} from '../state/machine-form.js';
import {changesBetween} from '../state/machine-words.js';
import type {AppState} from '../state/model.js';
import {noMachine, selectedMachine, verbPermission} from '../state/selectors.js';
import {text} from '../text/text.js';
import {showFormError} from './new-machine.js';

function canEdit(state: AppState): true | string {
  const machine = selectedMachine(state);
  if (!machine) return noMachine(state);
  // Where it cannot be renamed its definition cannot be read, and nothing can change.
  return verbPermission(state, 'rename');
}

/** Opens the form for the highlighted machine; run again while it is shown, it changes what was changed there. */
export const edit: Action = {
  id: 'machine.edit',
  keys: ['e'],
  group: 'Machines',
  hint: {label: text.actions.edit.hint, rank: 21},
  help: text.actions.edit.help,
  command: 'viv edit NAME --memory 512M',
  isEnabled: canEdit,
  run: async (context) => {
    const {state, dispatch} = context;
    const {overlay} = state;
    const machine = selectedMachine(state);
    if (overlay?.kind === 'machine' && overlay.form.mode === 'edit') await change(context, overlay.form);
    else if (machine) dispatch({type: 'overlayShown', overlay: {kind: 'machine', form: editForm(machine)}});
  },
};

/** The same as JSON in the person's own editor. */
export const editAsText: Action = {
  id: 'machine.editAsText',
  keys: ['E'],
  group: 'Machines',
  help: text.actions.editAsText.help,
  command: 'viv edit NAME',
  isEnabled: canEdit,
  run: async ({state, request, toast, lendTerminal}) => {
    const before = selectedMachine(state);
    if (!before) return;
    await lendTerminal(['edit', before.id]);
    const {machine} = await request(machineShow, {machine: before.id});
    const {unchanged, changed} = text.actions.edit;
    toast((makeOf(machine) === makeOf(before) ? unchanged : changed)(machine.name));
  },
};

/** What of a machine can be edited, to see whether it was. */
function makeOf({name, config, labels}: Machine): string {
  return JSON.stringify([name, config, labels ?? {tags: []}]);
}

async function change(context: ActionContext, form: MachineForm): Promise<void> {
  const {dispatch, request, toast} = context;
  const after = draftOf(form);
  const {edit: make, label, name} = changesBetween(form.before, after);
  const machine = form.machineId ?? '';
  if (!make && !label && name === undefined) {
    dispatch({type: 'overlayClosed'});
    toast(text.actions.edit.unchanged(form.before.name));
    return;
  }
  // What was done before something failed is not asked for again.
  let before = form.before;
  dispatch({type: 'overlayShown', overlay: {kind: 'machine', form: {...form, isBusy: true, error: undefined}}});
  try {
    if (make) await request(machineEdit, {machine, ...make});
    const {group, tags, name: oldName} = before;
    before = {...after, group, tags, name: oldName};
    if (label) await request(machineLabel, {machine, ...label});
    before = {...after, name: oldName};
    if (name !== undefined) await request(machineRename, {machine, name});
  } catch (error) {
    showFormError(context, {...form, before}, error);
    return;
  }
  dispatch({type: 'overlayClosed'});
  toast(make ? text.actions.edit.made(after.name) : text.actions.edit.changed(after.name));
}
