import {networkForward, networkUnforward} from '../../manager/protocol/network.js';
import type {Action} from '../keys/action.js';
import {fieldValue, textField} from '../state/form.js';
import type {AppState} from '../state/model.js';
import {chosenForward} from '../state/network.js';
import {parseForward} from '../state/port-spec.js';
import {forwardText} from '../state/presenters/network.js';
import {paneRefusal, selectedMachine} from '../state/selectors.js';
import {text} from '../text/text.js';

const FORM_TOKEN = 'forward.add';
const PORTS = 'ports';

function hasNetwork(state: AppState): true | string {
  const machine = selectedMachine(state);
  const refusal = paneRefusal(state);
  if (refusal !== undefined) return refusal;
  if (machine?.config === undefined) return text.actions.forwards.refusals.noMachine;
  return machine.config.network?.kind === 'none' ? text.actions.forwards.refusals.noCard(machine.name) : true;
}

function hasForward(state: AppState): true | string {
  if (hasNetwork(state) !== true) return hasNetwork(state);
  return chosenForward(state) === undefined ? text.actions.forwards.refusals.none : true;
}

function forwardAction(record: Omit<Action, 'tab' | 'group' | 'isEnabled'>): Action {
  return {tab: 'net', group: 'Network', isEnabled: hasForward, ...record};
}

/** The port forward before. */
export const forwardPrevious = forwardAction({
  id: 'forward.previous',
  keys: ['left', 'h'],
  help: text.actions.forwardPrevious.help,
  run: ({dispatch}) => dispatch({type: 'forwardMoved', by: -1}),
});

/** The port forward after. */
export const forwardNext = forwardAction({
  id: 'forward.next',
  keys: ['right', 'l'],
  help: text.actions.forwardNext.help,
  run: ({dispatch}) => dispatch({type: 'forwardMoved', by: 1}),
});

/** Opens the form for a port forward; run again while the form is shown, it adds it. */
export const forwardAdd: Action = {
  ...forwardAction({
    id: FORM_TOKEN,
    keys: ['a'],
    help: text.actions.forwardAdd.help,
    hint: {label: text.actions.forwardAdd.hint, rank: -2},
    command: 'viv net forward NAME 8080:80',
    run: async ({state, dispatch, request, toast}) => {
      const words = text.actions.forwardAdd;
      const {overlay} = state;
      const machine = selectedMachine(state);
      if (!machine) return;
      if (overlay?.kind !== 'form' || overlay.form.token !== FORM_TOKEN) {
        const fields = [textField(PORTS, words.label, '8080:80, 0.0.0.0:8080:80, 5353:53/udp')];
        const form = {token: FORM_TOKEN, subject: machine.id, title: words.title(machine.name), fields, focused: 0};
        dispatch({
          type: 'overlayShown',
          overlay: {kind: 'form', form: {...form, submitLabel: words.submit, isBusy: false}},
        });
        return;
      }
      const {form} = overlay;
      const fail = (error: string) =>
        dispatch({type: 'overlayShown', overlay: {kind: 'form', form: {...form, isBusy: false, error}}});
      const forward = parseForward(fieldValue(form, PORTS).trim());
      if (forward === undefined) {
        fail(text.actions.forwards.refusals.notPorts);
        return;
      }
      dispatch({type: 'overlayShown', overlay: {kind: 'form', form: {...form, isBusy: true}}});
      try {
        await request(networkForward, {machine: form.subject ?? '', forward});
        dispatch({type: 'overlayClosed'});
        toast(words.done(forwardText(forward), machine.name));
      } catch (thrown) {
        fail(thrown instanceof Error ? thrown.message : String(thrown));
      }
    },
  }),
  isEnabled: hasNetwork,
};

/** Takes the chosen port forward back. */
export const forwardRemove = forwardAction({
  id: 'forward.remove',
  keys: ['x', 'd'],
  help: text.actions.forwardRemove.help,
  hint: {label: text.actions.forwardRemove.hint, rank: -1},
  command: 'viv net unforward NAME 8080',
  run: async ({state, request, toast}) => {
    const machine = selectedMachine(state);
    const forward = chosenForward(state);
    if (!machine || !forward) return;
    const {address, hostPort, guestPort, protocol} = forward;
    await request(networkUnforward, {machine: machine.id, hostPort, address, protocol});
    toast(text.actions.forwardRemove.done(hostPort, guestPort));
  },
});
