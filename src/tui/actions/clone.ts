import {machineClone} from '../../manager/protocol/machine.js';
import {machineAction} from '../keys/machine-action.js';

/** Makes a second machine with the disks of one. */
export const clone = machineAction({
  id: 'machine.clone',
  keys: ['C'],
  help: 'Clone a machine that is off: a second one with its disks.',
  command: 'viv clone NAME',
  word: 'clone',
  done: 'cloned',
  verb: () => 'clone',
  act: async ({id, name}, {request}) => {
    const cloned = await request(machineClone, {machine: id});
    return `${cloned.machine.name} was cloned from ${name}.`;
  },
});
