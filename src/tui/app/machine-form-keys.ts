/** Keys and clicks of the wizard and of the edit form. */
import type {ActionContext} from '../keys/action.js';
import {chooseImage, focusField, type MachineForm, stepMachineForm} from '../state/machine-form.js';
import {layoutMachineForm, rowAt} from '../state/machine-form-layout.js';
import type {InputEvent} from '../terminal/key-decoder.js';

/** Ids of the actions that open the forms, and do what they say once they are shown. */
const OWNERS: Readonly<Record<MachineForm['mode'], string>> = {create: 'machine.new', edit: 'machine.edit'};

/** Handles a key; `answer` runs the action that the form is of. */
export function handleMachineForm(
  {state, dispatch}: ActionContext,
  form: MachineForm,
  event: InputEvent,
  answer: (id: string) => void,
): void {
  const step = stepMachineForm(form, event, state.machines);
  if (step.kind === 'cancelled') dispatch({type: 'overlayClosed'});
  else if (step.kind === 'edited') dispatch({type: 'overlayShown', overlay: {kind: 'machine', form: step.form}});
  else answer(OWNERS[form.mode]);
}

/** A click goes to a field or chooses an image. */
export function pressMachineForm({state, dispatch}: ActionContext, form: MachineForm, y: number): void {
  const row = rowAt(layoutMachineForm(form, state.machines, state.size), y);
  if (row === undefined || row.kind === 'about') return;
  const pressed = row.kind === 'image' ? chooseImage(form, row.image.name) : focusField(form, row.id);
  dispatch({type: 'overlayShown', overlay: {kind: 'machine', form: pressed}});
}
