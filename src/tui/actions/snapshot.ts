import {snapshotCreate} from '../../manager/protocol/snapshot.js';
import {machineAction} from '../keys/machine-action.js';
import {text} from '../text/text.js';

/** Takes a snapshot with a name of its own. */
export const snapshot = machineAction({
  id: 'machine.snapshot',
  keys: ['t'],
  hint: {label: text.actions.snapshot.hint, rank: 4},
  help: text.actions.snapshot.help,
  command: 'viv snapshot create NAME',
  many: text.actions.snapshot.many,
  verb: () => 'snapshot',
  act: async ({id, name}, {request}) => {
    const taken = await request(snapshotCreate, {machine: id});
    return text.actions.snapshot.done(taken.snapshot.name, name);
  },
});
