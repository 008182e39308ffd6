import {machineRemove} from '../../manager/protocol/machine.js';
import type {Action} from '../keys/action.js';
import {selectedMachine, verbPermission} from '../state/selectors.js';

/** Moves a machine to the trash. */
export const remove: Action = {
  id: 'machine.remove',
  keys: ['d'],
  group: 'Machines',
  hint: {label: 'delete', rank: 7},
  help: 'Move the machine to the trash; u brings it back.',
  command: 'viv rm NAME',
  isEnabled: (state) => verbPermission(state, 'remove'),
  run: async ({state, request, toast}) => {
    const machine = selectedMachine(state);
    if (!machine) return;
    await request(machineRemove, {machine: machine.id});
    toast(`${machine.name} is in the trash; u brings it back.`);
  },
};
