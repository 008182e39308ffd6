import {machineShutdown, machineStart} from '../../manager/protocol/machine.js';
import {machineAction, nameMachines} from '../keys/machine-action.js';
import {text} from '../text/text.js';

/** Powers the guest off and boots it again, after asking once. */
export const reboot = machineAction({
  id: 'machine.reboot',
  keys: ['r'],
  help: text.actions.reboot.help,
  command: 'viv reboot NAME',
  many: text.actions.reboot.many,
  verb: () => 'shutdown',
  ask: (machines) => ({
    title: text.actions.reboot.title,
    question: text.actions.reboot.question(nameMachines(machines)),
    yesLabel: text.actions.reboot.yes,
  }),
  act: async ({id, name}, {request, toast}) => {
    toast(text.actions.reboot.asked(name));
    await request(machineShutdown, {machine: id});
    await request(machineStart, {machine: id});
    return text.actions.reboot.done(name);
  },
});
