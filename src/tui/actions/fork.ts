import {machineFork} from '../../manager/protocol/machine.js';
import {machineAction} from '../keys/machine-action.js';
import {text} from '../text/text.js';

/** Makes a second running machine of one. */
export const fork = machineAction({
  id: 'machine.fork',
  keys: ['f'],
  hint: {label: text.actions.fork.hint, rank: 5},
  help: text.actions.fork.help,
  command: 'viv fork NAME',
  many: text.actions.fork.many,
  verb: () => 'fork',
  act: async ({id, name}, {request}) => {
    const forked = await request(machineFork, {machine: id});
    return text.actions.fork.done(forked.machine.name, name);
  },
});
