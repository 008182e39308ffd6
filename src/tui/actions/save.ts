import {machineSave} from '../../manager/protocol/machine.js';
import {machineAction} from '../keys/machine-action.js';
import {text} from '../text/text.js';

/** Writes the machine's state to a file and ends its process. */
export const save = machineAction({
  id: 'machine.save',
  keys: ['w'],
  help: text.actions.save.help,
  command: 'viv save NAME',
  many: text.actions.save.many,
  verb: () => 'save',
  act: async ({id, name}, {request}) => {
    await request(machineSave, {machine: id});
    return text.actions.save.done(name);
  },
});
