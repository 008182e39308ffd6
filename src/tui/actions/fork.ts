import {machineFork} from '../../manager/protocol/machine.js';
import {machineAction} from '../keys/machine-action.js';

/** Makes a second running machine of one. */
export const fork = machineAction({
  id: 'machine.fork',
  keys: ['f'],
  hint: {label: 'fork', rank: 5},
  help: 'Fork the machine: a second one goes on from the same instant.',
  command: 'viv fork NAME',
  word: 'fork',
  done: 'forked',
  verb: () => 'fork',
  act: async ({id, name}, {request}) => {
    const forked = await request(machineFork, {machine: id});
    return `${forked.machine.name} was forked from ${name}.`;
  },
});
