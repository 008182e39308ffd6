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

const FIELDS = {name: 'name', note: 'note'} as const;

function hasPoint(state: AppState): true | string {
  const refusal = paneRefusal(state);
  if (refusal !== undefined) return refusal;
  return chosenPoint(state) === undefined ? 'There is no point yet; t takes one of a machine that runs.' : true;
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
    if (point === undefined || machineId === undefined) throw new Error('That point is gone.');
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
  help: 'Look at the point before.',
  hint: {label: 'earlier', rank: -5},
  run: ({dispatch}) => dispatch({type: 'pointMoved', by: -1}),
});

/** The point after. */
export const pointNext = pointAction({
  id: 'point.next',
  keys: ['right', 'l'],
  help: 'Look at the point after; at the newest, new ones are followed.',
  hint: {label: 'later', rank: -4},
  run: ({dispatch}) => dispatch({type: 'pointMoved', by: 1}),
});

/** Lets the machine go on from the point. */
export const pointRestore = pointAction({
  id: 'point.restore',
  keys: ['enter'],
  help: 'Go back to the point, after asking; the present state stays as an undo point.',
  hint: {label: 'go back', rank: -3},
  command: 'viv rewind NAME --to POINT',
  isEnabled: (state) => (hasPoint(state) === true ? verbPermission(state, 'restore') : hasPoint(state)),
  run: async (context) => {
    const {state, dispatch, request, toast} = context;
    const machine = selectedMachine(state);
    const point = chosenPoint(state);
    const question = `Go back to ${point?.name}, ${point && pointAge(point, state.nowMs)}?`;
    const isKept = machine !== undefined && (isLive(machine.state) || machine.saved !== undefined);
    const hasDisks = machine?.config?.disks.some(({isReadOnly}) => !isReadOnly) ?? false;
    const cost = isKept
      ? `The present state of ${machine.name} stays as an undo point.`
      : `${machine?.name} is off${hasDisks ? '; what was written to its disks since then is lost.' : ', and starts from there.'}`;
    const asked = {token: 'point.restore', title: 'Go back', question: `${question} ${cost}`, yesLabel: 'Go back'};
    await confirmed(context, asked, async (machineId, {id, name, createdAtMs}) => {
      toast(`Going back to ${name}…`);
      const back = await request(snapshotRestore, {machine: machineId, snapshot: id, discardsPresent: true});
      dispatch({type: 'tabChosen', tab: 'console'});
      const undo = back.undo ? ` What was there stays as ${back.undo.name} (T).` : '';
      toast(`${back.machine.name} is at ${name}, ${pointAge({createdAtMs}, Date.now())}.${undo}`);
    });
  },
});

/** Makes a second machine that goes on from the point. */
export const pointFork = pointAction({
  id: 'point.fork',
  keys: ['f'],
  help: 'Fork at the point: a second machine goes on from there.',
  hint: {label: 'fork', rank: -2},
  command: 'viv fork NAME --from POINT',
  run: async ({state, request, toast}) => {
    const machine = selectedMachine(state);
    const point = chosenPoint(state);
    if (!machine || !point) return;
    const forked = await request(machineFork, {machine: machine.id, snapshot: point.id});
    toast(`${forked.machine.name} was forked from ${point.name} of ${machine.name}.`);
  },
});

/** Makes the point one that stays, with a name and a note; run again while its form is shown, it does so. */
export const pointPin = pointAction({
  id: 'point.pin',
  keys: ['P'],
  help: 'Pin the point: it stays, and gets a name and a note.',
  hint: {label: 'pin', rank: -1},
  command: 'viv snapshot keep NAME POINT',
  run: async ({state, dispatch, request, toast}) => {
    const {overlay} = state;
    const machine = selectedMachine(state);
    if (!machine) return;
    if (overlay?.kind !== 'form' || overlay.form.token !== 'point.pin') {
      const point = chosenPoint(state);
      if (!point) return;
      const isNamed = point.kind === 'snapshot';
      const fields = [
        textField(FIELDS.name, 'Name', isNamed ? '' : 'chosen for you', isNamed ? point.name : ''),
        textField(FIELDS.note, 'Note', 'what it is for', isNamed ? point.note : ''),
      ];
      const form = {token: 'point.pin', subject: point.id, title: `Pin ${point.name}`, fields, focused: 0};
      dispatch({type: 'overlayShown', overlay: {kind: 'form', form: {...form, submitLabel: 'Pin', isBusy: false}}});
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
      toast(`${snapshot.name} stays.`);
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
  help: 'Remove the point for good, after asking.',
  hint: {label: 'remove', rank: 0},
  command: 'viv snapshot rm NAME POINT',
  run: async (context) => {
    const {state, request, toast} = context;
    const phrase = chosenPoint(state)?.name ?? '';
    const question = `Remove ${phrase} of ${selectedMachine(state)?.name}? It cannot be brought back.`;
    const asked = {token: 'point.remove', title: 'Remove point', question, yesLabel: 'Remove', phrase};
    await confirmed(context, asked, async (machineId, {id, name}) => {
      await request(snapshotRemove, {machine: machineId, snapshot: id});
      toast(`${name} is removed.`);
    });
  },
});
