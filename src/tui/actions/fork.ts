import {machineFork} from '../../manager/protocol/machine.js';
import type {Action} from '../keys/action.js';
import {selectedMachine, verbPermission} from '../state/selectors.js';

/** Makes a second running machine of the highlighted one. */
export const fork: Action = {
  id: 'machine.fork',
  keys: ['f'],
  group: 'Machines',
  help: 'Fork the machine: a second one goes on from the same instant.',
  command: 'viv fork NAME',
  isEnabled: (state) => verbPermission(state, 'fork'),
  run: async ({state, request, toast}) => {
    const machine = selectedMachine(state);
    if (!machine) return;
    const forked = await request(machineFork, {machine: machine.id});
    toast(`${forked.machine.name} was forked from ${machine.name}.`);
  },
};
