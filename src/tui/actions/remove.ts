import {machineRemove} from '../../manager/protocol/machine.js';
import {machineAction} from '../keys/machine-action.js';

/** Moves a machine to the trash. */
export const remove = machineAction({
  id: 'machine.remove',
  keys: ['d'],
  hint: {label: 'delete', rank: 9},
  help: 'Move the machine to the trash; u brings it back.',
  command: 'viv rm NAME',
  word: 'delete',
  done: 'are in the trash; u brings them back one by one',
  verb: () => 'remove',
  act: async ({id, name}, {request}) => {
    await request(machineRemove, {machine: id});
    return `${name} is in the trash; u brings it back.`;
  },
});
