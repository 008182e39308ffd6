import {machineClone} from '../../manager/protocol/machine.js';
import type {Action} from '../keys/action.js';
import {selectedMachine, verbPermission} from '../state/selectors.js';

/** Makes a second machine with the disks of the highlighted one. */
export const clone: Action = {
  id: 'machine.clone',
  keys: ['C'],
  group: 'Machines',
  help: 'Clone a machine that is off: a second one with its disks.',
  command: 'viv clone NAME',
  isEnabled: (state) => verbPermission(state, 'clone'),
  run: async ({state, request, toast}) => {
    const machine = selectedMachine(state);
    if (!machine) return;
    const cloned = await request(machineClone, {machine: machine.id});
    toast(`${cloned.machine.name} was cloned from ${machine.name}.`);
  },
};
