import {machineShutdown, machineStart} from '../../manager/protocol/machine.js';
import {machineAction, nameMachines} from '../keys/machine-action.js';

/** Powers the guest off and boots it again, after asking once. */
export const reboot = machineAction({
  id: 'machine.reboot',
  keys: ['r'],
  help: 'Reboot the machine, after asking: its guest powers off and boots again.',
  command: 'viv reboot NAME',
  word: 'reboot',
  done: 'rebooted',
  verb: () => 'shutdown',
  ask: (machines) => ({
    title: 'Reboot',
    question: `Reboot ${nameMachines(machines)}? What runs there ends.`,
    yesLabel: 'Reboot',
  }),
  act: async ({id, name}, {request, toast}) => {
    toast(`Asked ${name} to power off, to boot it again.`);
    await request(machineShutdown, {machine: id});
    await request(machineStart, {machine: id});
    return `${name} boots again.`;
  },
});
