import {ManagerError} from '../../manager/protocol/errors.js';
import {imageList} from '../../manager/protocol/image.js';
import {machineCreate, machineStart} from '../../manager/protocol/machine.js';
import type {Action, ActionContext} from '../keys/action.js';
import type {FieldId} from '../state/machine-fields.js';
import {draftOf, type MachineForm, wizard} from '../state/machine-form.js';
import {createRequest} from '../state/machine-words.js';
import {text} from '../text/text.js';

/** Fields that the daemon's errors are about. */
const FIELD_OF_ERROR: Readonly<Record<string, FieldId>> = {
  'bad-name': 'name',
  'name-taken': 'name',
  'image-not-found': 'image',
  'bad-memory-size': 'memory',
  'not-enough-memory': 'memory',
  'bad-disk': 'rootSize',
  'disk-full': 'disk',
  'bad-share': 'share',
  'file-not-found': 'share',
  'port-in-use': 'forwards',
};

/** Shows a form with what went wrong, at the field that it is about. */
export function showFormError({dispatch}: ActionContext, form: MachineForm, thrown: unknown): void {
  const error = thrown instanceof Error ? thrown.message : String(thrown);
  const about = thrown instanceof ManagerError ? FIELD_OF_ERROR[thrown.code] : undefined;
  const focused = about ?? form.focused;
  dispatch({type: 'overlayShown', overlay: {kind: 'machine', form: {...form, focused, isBusy: false, error}}});
}

/** Opens the wizard for a new machine; run again while it is shown, it creates the machine and starts it if so chosen. */
export const newMachine: Action = {
  id: 'machine.new',
  keys: ['n'],
  group: 'Machines',
  hint: {label: text.actions.newMachine.hint, rank: 8},
  help: text.actions.newMachine.help,
  command: 'viv create IMAGE',
  isEnabled: (state) => (state.connection.state === 'connected' ? true : text.actions.newMachine.refusals.unconnected),
  run: async (context) => {
    const {state, dispatch, request, toast} = context;
    const {overlay} = state;
    if (overlay?.kind !== 'machine' || overlay.form.mode !== 'create') {
      // At once with the catalog as it was: keys that are typed meanwhile are meant for the form.
      dispatch({type: 'overlayShown', overlay: {kind: 'machine', form: wizard(state.images)}});
      dispatch({type: 'imagesLoaded', images: (await request(imageList, {})).images});
      return;
    }
    const {form} = overlay;
    const draft = draftOf(form);
    dispatch({type: 'overlayShown', overlay: {kind: 'machine', form: {...form, isBusy: true, error: undefined}}});
    let made: {readonly id: string; readonly name: string};
    try {
      const {machine, note} = await request(machineCreate, createRequest(draft));
      made = machine;
      if (note !== undefined) toast(note);
    } catch (error) {
      showFormError(context, form, error);
      return;
    }
    dispatch({type: 'overlayClosed'});
    dispatch({type: 'machineSelected', id: made.id});
    if (draft.start === 'no') {
      toast(text.actions.newMachine.made(made.name));
      return;
    }
    dispatch({type: 'tabChosen', tab: 'console'});
    await request(machineStart, {machine: made.id});
  },
};
