import {machineAttachDisk, machineDetachDisk} from '../../manager/protocol/machine.js';
import type {Action} from '../keys/action.js';
import {parseDiskText} from '../state/disk-text.js';
import {selectedDisks} from '../state/disks.js';
import {fieldValue, textField} from '../state/form.js';
import type {AppState} from '../state/model.js';
import {noMachine, paneRefusal, selectedMachine, verbPermission} from '../state/selectors.js';
import {text} from '../text/text.js';

const FORM_TOKEN = 'disk.attach';
const DISK = 'disk';

function hasPane(state: AppState): true | string {
  const refusal = paneRefusal(state);
  if (refusal !== undefined) return refusal;
  return selectedMachine(state) === undefined ? noMachine(state) : true;
}

function canChange(state: AppState): true | string {
  const machine = selectedMachine(state);
  if (hasPane(state) !== true || machine === undefined) return hasPane(state);
  if (machine.saved !== undefined) return text.actions.disks.refusals.saved(machine.name);
  // What can be started has no process.
  return verbPermission(state, 'start') === true ? true : text.actions.disks.refusals.live(machine.name);
}

function hasDisk(state: AppState): true | string {
  const can = hasPane(state);
  if (can !== true) return can;
  return (selectedDisks(state)?.disks.length ?? 0) > 0 ? true : text.actions.disks.refusals.none;
}

function diskAction(record: Omit<Action, 'tab' | 'group'>): Action {
  return {tab: 'disks', group: 'Disks', ...record};
}

/** The disk before. */
export const diskPrevious = diskAction({
  id: 'disk.previous',
  keys: ['left', 'h'],
  help: text.actions.diskPrevious.help,
  isEnabled: hasDisk,
  run: ({dispatch}) => dispatch({type: 'diskMoved', by: -1}),
});

/** The disk after. */
export const diskNext = diskAction({
  id: 'disk.next',
  keys: ['right', 'l'],
  help: text.actions.diskNext.help,
  isEnabled: hasDisk,
  run: ({dispatch}) => dispatch({type: 'diskMoved', by: 1}),
});

/** Opens the form for a disk; run again while the form is shown, it attaches it. */
export const diskAttach = diskAction({
  id: FORM_TOKEN,
  keys: ['a'],
  help: text.actions.diskAttach.help,
  hint: {label: text.actions.diskAttach.hint, rank: -2},
  command: 'viv disk attach NAME 10G',
  isEnabled: canChange,
  run: async ({state, dispatch, request, toast}) => {
    const words = text.actions.diskAttach;
    const {overlay} = state;
    const machine = selectedMachine(state);
    if (!machine) return;
    if (overlay?.kind !== 'form' || overlay.form.token !== FORM_TOKEN) {
      const fields = [textField(DISK, words.label, words.placeholder)];
      const about = {token: FORM_TOKEN, title: words.title(machine.name), submitLabel: words.submit};
      dispatch({type: 'overlayShown', overlay: {kind: 'form', form: {...about, fields, focused: 0, isBusy: false}}});
      return;
    }
    const {form} = overlay;
    const fail = (error: string) =>
      dispatch({type: 'overlayShown', overlay: {kind: 'form', form: {...form, isBusy: false, error}}});
    const disk = parseDiskText(fieldValue(form, DISK));
    if (typeof disk === 'string') {
      fail(disk);
      return;
    }
    dispatch({type: 'overlayShown', overlay: {kind: 'form', form: {...form, isBusy: true}}});
    try {
      await request(machineAttachDisk, {machine: machine.id, disk});
      dispatch({type: 'overlayClosed'});
      toast(words.done(machine.name));
    } catch (error) {
      fail(error instanceof Error ? error.message : String(error));
    }
  },
});

/** Takes the chosen disk away from its machine; the image stays. */
export const diskDetach = diskAction({
  id: 'disk.detach',
  keys: ['x'],
  help: text.actions.diskDetach.help,
  hint: {label: text.actions.diskDetach.hint, rank: -1},
  command: 'viv disk detach NAME DISK',
  isEnabled: (state) => (hasDisk(state) === true ? canChange(state) : hasDisk(state)),
  run: async ({state, request, toast}) => {
    const machine = selectedMachine(state);
    const view = selectedDisks(state);
    if (!machine || !view) return;
    const {path} = await request(machineDetachDisk, {machine: machine.id, disk: view.chosen});
    toast(text.actions.diskDetach.done(path));
  },
});
