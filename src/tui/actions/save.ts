import {machineSave} from '../../manager/protocol/machine.js';
import type {Action} from '../keys/action.js';
import {selectedMachine, verbPermission} from '../state/selectors.js';

/** Writes the machine's state to a file and ends its process. */
export const save: Action = {
  id: 'machine.save',
  keys: ['w'],
  group: 'Machines',
  help: 'Save the machine: its state goes to a file, and starting it goes on from there.',
  command: 'viv save NAME',
  isEnabled: (state) => verbPermission(state, 'save'),
  run: async ({state, request, toast}) => {
    const machine = selectedMachine(state);
    if (!machine) return;
    await request(machineSave, {machine: machine.id});
    toast(`${machine.name} is saved.`);
  },
};
