import {snapshotCreate} from '../../manager/protocol/snapshot.js';
import type {Action} from '../keys/action.js';
import {selectedMachine, verbPermission} from '../state/selectors.js';

/** Takes a snapshot with a name of its own. */
export const snapshot: Action = {
  id: 'machine.snapshot',
  keys: ['t'],
  group: 'Machines',
  help: 'Take a snapshot of the machine, which goes on.',
  command: 'viv snapshot create NAME',
  isEnabled: (state) => verbPermission(state, 'snapshot'),
  run: async ({state, request, toast}) => {
    const machine = selectedMachine(state);
    if (!machine) return;
    const taken = await request(snapshotCreate, {machine: machine.id});
    toast(`${taken.snapshot.name} of ${machine.name} is taken.`);
  },
};
