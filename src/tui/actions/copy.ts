import {agentAddresses} from '../../manager/protocol/agent.js';
import type {Action} from '../keys/action.js';
import {copyEntries} from '../state/presenters/copy-menu.js';
import {awayReason, noMachine, selectedMachine} from '../state/selectors.js';
import {text} from '../text/text.js';

/** Shows what can be copied of the highlighted machine; run again while that is shown, it copies what is chosen. */
export const copy: Action = {
  id: 'machine.copy',
  keys: ['y'],
  group: 'Machines',
  help: text.actions.copy.help,
  isEnabled: (state) => (selectedMachine(state) === undefined ? noMachine(state) : true),
  run: async ({state, dispatch, request, toast, console}) => {
    const {overlay} = state;
    if (overlay?.kind !== 'copy') {
      const machine = selectedMachine(state);
      if (machine === undefined) return;
      dispatch({type: 'overlayShown', overlay: {kind: 'copy', machineId: machine.id, addresses: [], chosen: 0}});
      if (machine.state !== 'running' || awayReason(state) !== undefined) return;
      // The menu is there without the agent's answer, and stays as it is without one.
      const {machines} = await request(agentAddresses, {machine: machine.id});
      const told = machines.find(({id}) => id === machine.id)?.addresses ?? [];
      const addresses = [...new Set(told.map(({address}) => address))];
      if (addresses.length > 0) dispatch({type: 'addressesTold', machineId: machine.id, addresses});
      return;
    }
    const entry = copyEntries(state)[overlay.chosen];
    dispatch({type: 'overlayClosed'});
    const machine = state.machines.find(({id}) => id === overlay.machineId);
    if (entry === undefined || machine === undefined) {
      toast(text.actions.copy.refusals.gone, 'error');
      return;
    }
    console.copy(entry.text ?? (await console.screenText(machine)));
  },
};
