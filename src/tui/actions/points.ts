import {machineFork} from '../../manager/protocol/machine.js';
import {type Snapshot, snapshotKeep, snapshotRemove, snapshotRestore} from '../../manager/protocol/snapshot.js';
import type {Action, ActionContext} from '../keys/action.js';
import {fieldValue, textField} from '../state/form.js';
import {type AppState, type Confirmation, unanswered} from '../state/model.js';
import {pointAge} from '../state/presenters/point.js';
import {
  chosenPoint,
  isLive,
  paneRefusal,
  selectedMachine,
  selectedTimeline,
  verbPermission,
} from '../state/selectors.js';
import {text} from '../text/text.js';

const FIELDS = {name: 'name', note: 'note'} as const;

function hasPoint(state: AppState): true | string {
  const refusal = paneRefusal(state);
  if (refusal !== undefined) return refusal;
  return chosenPoint(state) === undefined ? text.actions.points.refusals.none : true;
}

function pointAction(record: Omit<Action, 'tab' | 'group' | 'isEnabled'> & Partial<Pick<Action, 'isEnabled'>>): Action {
  return {tab: 'timeline', group: 'Timeline', isEnabled: hasPoint, ...record};
}

/** Asks once, default No, or for a phrase; or does the work, when the question was answered with yes. */
async function confirmed(
  {state, dispatch}: ActionContext,
  {token, ...question}: Pick<Confirmation, 'token' | 'title' | 'question' | 'yesLabel' | 'phrase'>,
  work: (machineId: string, point: Snapshot) => Promise<void>,
): Promise<void> {
  const {overlay} = state;
  if (overlay?.kind === 'confirm' && overlay.confirmation.token === token) {
    const {machineIds, subject} = overlay.confirmation;
    const [machineId] = machineIds;
    const point = selectedTimeline(state)?.points.find(({id}) => id === subject);
    if (point === undefined || machineId === undefined) throw new Error(text.actions.points.refusals.gone);
    await work(machineId, point);
    return;
  }
  const machine = selectedMachine(state);
  const point = chosenPoint(state);
  if (!machine || !point) return;
  dispatch({
    type: 'overlayShown',
    overlay: unanswered({...question, token, machineIds: [machine.id], subject: point.id}),
  });
}

/** The point before. */
export const pointPrevious = pointAction({
  id: 'point.previous',
  keys: ['left', 'h'],
  help: text.actions.pointPrevious.help,
  hint: {label: text.actions.pointPrevious.hint, rank: -5},
  run: ({dispatch}) => dispatch({type: 'pointMoved', by: -1}),
});

/** The point after. */
export const pointNext = pointAction({
  id: 'point.next',
  keys: ['right', 'l'],
  help: text.actions.pointNext.help,
  hint: {label: text.actions.pointNext.hint, rank: -4},
  run: ({dispatch}) => dispatch({type: 'pointMoved', by: 1}),
});

/** Lets the machine go on from the point. */
export const pointRestore = pointAction({
  id: 'point.restore',
  keys: ['enter'],
  help: text.actions.pointRestore.help,
  hint: {label: text.actions.pointRestore.hint, rank: -3},
  command: 'viv rewind NAME --to POINT',
  isEnabled: (state) => (hasPoint(state) === true ? verbPermission(state, 'restore') : hasPoint(state)),
  run: async (context) => {
    const words = text.actions.pointRestore;
    const {state, dispatch, request, toast} = context;
    const machine = selectedMachine(state);
    const point = chosenPoint(state);
    const isKept = machine !== undefined && (isLive(machine.state) || machine.saved !== undefined);
    const hasDisks = machine?.config?.disks.some(({isReadOnly}) => !isReadOnly) ?? false;
    const cost = isKept ? words.costs.kept : hasDisks ? words.costs.disksLost : words.costs.nothing;
    const age = point === undefined ? '' : pointAge(point, state.nowMs);
    const question = words.question(point?.name ?? '', age, cost(machine?.name ?? ''));
    const asked = {token: 'point.restore', title: words.title, question, yesLabel: words.yes};
    await confirmed(context, asked, async (machineId, {id, name, createdAtMs}) => {
      toast(words.begun(name));
      const back = await request(snapshotRestore, {machine: machineId, snapshot: id, discardsPresent: true});
      dispatch({type: 'tabChosen', tab: 'console'});
      const done = words.done(back.machine.name, name, pointAge({createdAtMs}, Date.now()));
      toast(back.undo ? `${done} ${words.undo(back.undo.name)}` : done);
    });
  },
});

/** Makes a second machine that goes on from the point. */
export const pointFork = pointAction({
  id: 'point.fork',
  keys: ['f'],
  help: text.actions.pointFork.help,
  hint: {label: text.actions.pointFork.hint, rank: -2},
  command: 'viv fork NAME --from POINT',
  run: async ({state, request, toast}) => {
    const machine = selectedMachine(state);
    const point = chosenPoint(state);
    if (!machine || !point) return;
    const forked = await request(machineFork, {machine: machine.id, snapshot: point.id});
    toast(text.actions.pointFork.done(forked.machine.name, point.name, machine.name));
  },
});

/** Makes the point one that stays, with a name and a note; run again while its form is shown, it does so. */
export const pointPin = pointAction({
  id: 'point.pin',
  keys: ['P'],
  help: text.actions.pointPin.help,
  hint: {label: text.actions.pointPin.hint, rank: -1},
  command: 'viv snapshot keep NAME POINT',
  run: async ({state, dispatch, request, toast}) => {
    const words = text.actions.pointPin;
    const {overlay} = state;
    const machine = selectedMachine(state);
    if (!machine) return;
    if (overlay?.kind !== 'form' || overlay.form.token !== 'point.pin') {
      const point = chosenPoint(state);
      if (!point) return;
      const isNamed = point.kind === 'snapshot';
      const fields = [
        textField(FIELDS.name, words.name.label, isNamed ? '' : words.name.placeholder, isNamed ? point.name : ''),
        textField(FIELDS.note, words.note.label, words.note.placeholder, isNamed ? point.note : ''),
      ];
      const form = {token: 'point.pin', subject: point.id, title: words.title(point.name), fields, focused: 0};
      dispatch({
        type: 'overlayShown',
        overlay: {kind: 'form', form: {...form, submitLabel: words.submit, isBusy: false}},
      });
      return;
    }
    const {form} = overlay;
    const name = fieldValue(form, FIELDS.name).trim();
    const note = fieldValue(form, FIELDS.note).trim();
    dispatch({type: 'overlayShown', overlay: {kind: 'form', form: {...form, isBusy: true}}});
    try {
      const wish = {machine: machine.id, snapshot: form.subject ?? '', ...(name === '' ? {} : {name})};
      const {snapshot} = await request(snapshotKeep, {...wish, note});
      dispatch({type: 'overlayClosed'});
      toast(words.done(snapshot.name));
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown.message : String(thrown);
      dispatch({type: 'overlayShown', overlay: {kind: 'form', form: {...form, isBusy: false, error}}});
    }
  },
});

/** Removes the point. */
export const pointRemove = pointAction({
  id: 'point.remove',
  keys: ['d'],
  help: text.actions.pointRemove.help,
  hint: {label: text.actions.pointRemove.hint, rank: 0},
  command: 'viv snapshot rm NAME POINT',
  run: async (context) => {
    const words = text.actions.pointRemove;
    const {state, request, toast} = context;
    const phrase = chosenPoint(state)?.name ?? '';
    const question = words.question(phrase, selectedMachine(state)?.name ?? '');
    const asked = {token: 'point.remove', title: words.title, question, yesLabel: words.yes, phrase};
    await confirmed(context, asked, async (machineId, {id, name}) => {
      await request(snapshotRemove, {machine: machineId, snapshot: id});
      toast(words.done(name));
    });
  },
});
