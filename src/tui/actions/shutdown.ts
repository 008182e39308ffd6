import {machineShutdown} from '../../manager/protocol/machine.js';
import {machineAction} from '../keys/machine-action.js';

/** Asks the guest to power off. */
export const shutdown = machineAction({
  id: 'machine.shutdown',
  keys: ['S'],
  hint: {label: 'shut down', rank: 7},
  help: 'Ask the guest to power off.',
  command: 'viv shutdown NAME',
  word: 'shut down',
  done: 'are off',
  verb: () => 'shutdown',
  act: async ({id, name}, {request, toast}) => {
    toast(`Asked ${name} to power off.`);
    await request(machineShutdown, {machine: id});
    return `${name} is off.`;
  },
});
