import {networkForward, networkUnforward} from '../../manager/protocol/network.js';
import type {Action} from '../keys/action.js';
import {fieldValue, textField} from '../state/form.js';
import type {AppState} from '../state/model.js';
import {chosenForward} from '../state/network.js';
import {parseForward} from '../state/port-spec.js';
import {forwardText} from '../state/presenters/network.js';
import {paneRefusal, selectedMachine} from '../state/selectors.js';

const FORM_TOKEN = 'forward.add';
const PORTS = 'ports';

function hasNetwork(state: AppState): true | string {
  const machine = selectedMachine(state);
  const refusal = paneRefusal(state);
  if (refusal !== undefined) return refusal;
  if (machine?.config === undefined) return 'There is no machine that could have port forwards.';
  return machine.config.network?.kind === 'none' ? `${machine.name} has no network card.` : true;
}

function hasForward(state: AppState): true | string {
  if (hasNetwork(state) !== true) return hasNetwork(state);
  return chosenForward(state) === undefined ? 'There is no port forward yet; a adds one.' : true;
}

function forwardAction(record: Omit<Action, 'tab' | 'group' | 'isEnabled'>): Action {
  return {tab: 'net', group: 'Network', isEnabled: hasForward, ...record};
}

/** The port forward before. */
export const forwardPrevious = forwardAction({
  id: 'forward.previous',
  keys: ['left', 'h'],
  help: 'Choose the port forward before.',
  run: ({dispatch}) => dispatch({type: 'forwardMoved', by: -1}),
});

/** The port forward after. */
export const forwardNext = forwardAction({
  id: 'forward.next',
  keys: ['right', 'l'],
  help: 'Choose the port forward after.',
  run: ({dispatch}) => dispatch({type: 'forwardMoved', by: 1}),
});

/** Opens the form for a port forward; run again while the form is shown, it adds it. */
export const forwardAdd: Action = {
  ...forwardAction({
    id: FORM_TOKEN,
    keys: ['a'],
    help: 'Forward a port of the host to the guest, at once.',
    hint: {label: 'forward a port', rank: -2},
    command: 'viv net forward NAME 8080:80',
    run: async ({state, dispatch, request, toast}) => {
      const {overlay} = state;
      const machine = selectedMachine(state);
      if (!machine) return;
      if (overlay?.kind !== 'form' || overlay.form.token !== FORM_TOKEN) {
        const fields = [textField(PORTS, 'Ports', '8080:80, 0.0.0.0:8080:80, 5353:53/udp')];
        const form = {token: FORM_TOKEN, subject: machine.id, title: `Forward to ${machine.name}`, fields, focused: 0};
        dispatch({
          type: 'overlayShown',
          overlay: {kind: 'form', form: {...form, submitLabel: 'Forward', isBusy: false}},
        });
        return;
      }
      const {form} = overlay;
      const fail = (error: string) =>
        dispatch({type: 'overlayShown', overlay: {kind: 'form', form: {...form, isBusy: false, error}}});
      const forward = parseForward(fieldValue(form, PORTS).trim());
      if (forward === undefined) {
        fail('Give HOSTPORT:GUESTPORT, like 8080:80.');
        return;
      }
      dispatch({type: 'overlayShown', overlay: {kind: 'form', form: {...form, isBusy: true}}});
      try {
        await request(networkForward, {machine: form.subject ?? '', forward});
        dispatch({type: 'overlayClosed'});
        toast(`Port ${forwardText(forward)} of ${machine.name}.`);
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
  help: 'Take the chosen port forward back; connections that are there stay.',
  hint: {label: 'take it back', rank: -1},
  command: 'viv net unforward NAME 8080',
  run: async ({state, request, toast}) => {
    const machine = selectedMachine(state);
    const forward = chosenForward(state);
    if (!machine || !forward) return;
    const {address, hostPort, guestPort, protocol} = forward;
    await request(networkUnforward, {machine: machine.id, hostPort, address, protocol});
    toast(`Port ${hostPort} leads nowhere now; a and ${hostPort}:${guestPort} forwards it again.`);
  },
});
