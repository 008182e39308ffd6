import {machineSave} from '../../manager/protocol/machine.js';
import {machineAction} from '../keys/machine-action.js';

/** Writes the machine's state to a file and ends its process. */
export const save = machineAction({
  id: 'machine.save',
  keys: ['w'],
  help: 'Save the machine: its state goes to a file, and starting it goes on from there.',
  command: 'viv save NAME',
  word: 'save',
  done: 'saved',
  verb: () => 'save',
  act: async ({id, name}, {request}) => {
    await request(machineSave, {machine: id});
    return `${name} is saved.`;
  },
});
