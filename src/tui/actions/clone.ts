import {machineClone} from '../../manager/protocol/machine.js';
import {machineAction} from '../keys/machine-action.js';
import {text} from '../text/text.js';

/** Makes a second machine with the disks of one. */
export const clone = machineAction({
  id: 'machine.clone',
  keys: ['C'],
  help: text.actions.clone.help,
  command: 'viv clone NAME',
  many: text.actions.clone.many,
  verb: () => 'clone',
  act: async ({id, name}, {request}) => {
    const cloned = await request(machineClone, {machine: id});
    return text.actions.clone.done(cloned.machine.name, name);
  },
});
