import {machineShutdown} from '../../manager/protocol/machine.js';
import {machineAction} from '../keys/machine-action.js';
import {text} from '../text/text.js';

/** Asks the guest to power off. */
export const shutdown = machineAction({
  id: 'machine.shutdown',
  keys: ['S'],
  hint: {label: text.actions.shutdown.hint, rank: 7},
  help: text.actions.shutdown.help,
  command: 'viv shutdown NAME',
  many: text.actions.shutdown.many,
  verb: () => 'shutdown',
  act: async ({id, name}, {request, toast}) => {
    toast(text.actions.shutdown.asked(name));
    await request(machineShutdown, {machine: id});
    return text.actions.shutdown.done(name);
  },
});
