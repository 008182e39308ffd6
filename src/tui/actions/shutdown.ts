import {machineShutdown} from '../../manager/protocol/machine.js';
import type {Action} from '../keys/action.js';
import {selectedMachine, verbPermission} from '../state/selectors.js';

/** Asks the guest to power off. */
export const shutdown: Action = {
  id: 'machine.shutdown',
  keys: ['S'],
  group: 'Machines',
  hint: {label: 'shut down', rank: 4},
  help: 'Ask the guest to power off.',
  command: 'viv shutdown NAME',
  isEnabled: (state) => verbPermission(state, 'shutdown'),
  run: async ({state, request, toast}) => {
    const machine = selectedMachine(state);
    if (!machine) return;
    toast(`Asked ${machine.name} to power off.`);
    await request(machineShutdown, {machine: machine.id});
    toast(`${machine.name} is off.`);
  },
};
