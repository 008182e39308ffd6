import {snapshotCreate} from '../../manager/protocol/snapshot.js';
import {machineAction} from '../keys/machine-action.js';

/** Takes a snapshot with a name of its own. */
export const snapshot = machineAction({
  id: 'machine.snapshot',
  keys: ['t'],
  hint: {label: 'snapshot', rank: 4},
  help: 'Take a snapshot of the machine, which goes on.',
  command: 'viv snapshot create NAME',
  word: 'snapshot',
  done: 'have a new snapshot',
  verb: () => 'snapshot',
  act: async ({id, name}, {request}) => {
    const taken = await request(snapshotCreate, {machine: id});
    return `${taken.snapshot.name} of ${name} is taken.`;
  },
});
