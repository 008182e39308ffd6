import {machineRemove} from '../../manager/protocol/machine.js';
import {machineAction} from '../keys/machine-action.js';
import {text} from '../text/text.js';

/** Moves a machine to the trash. */
export const remove = machineAction({
  id: 'machine.remove',
  keys: ['d'],
  hint: {label: text.actions.remove.hint, rank: 9},
  help: text.actions.remove.help,
  command: 'viv rm NAME',
  many: text.actions.remove.many,
  verb: () => 'remove',
  act: async ({id, name}, {request}) => {
    await request(machineRemove, {machine: id});
    return text.actions.remove.done(name);
  },
});
