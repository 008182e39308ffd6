import {machineKill} from '../../manager/protocol/machine.js';
import {machineAction, nameMachines} from '../keys/machine-action.js';
import {text} from '../text/text.js';

/** Pulls the plug, after asking once. */
export const kill = machineAction({
  id: 'machine.kill',
  keys: ['K'],
  hint: {label: text.actions.kill.hint, rank: 11},
  help: text.actions.kill.help,
  command: 'viv kill NAME',
  many: text.actions.kill.many,
  verb: () => 'kill',
  ask: (machines) => ({
    title: text.actions.kill.title,
    question: text.actions.kill.question(nameMachines(machines)),
    yesLabel: text.actions.kill.yes,
  }),
  act: async (machine, {request}) => {
    await request(machineKill, {machine: machine.id});
    return text.actions.kill.done(machine.name);
  },
});
