import {machineKill} from '../../manager/protocol/machine.js';
import {machineAction, nameMachines} from '../keys/machine-action.js';

/** Pulls the plug, after asking once. */
export const kill = machineAction({
  id: 'machine.kill',
  keys: ['K'],
  hint: {label: 'force off', rank: 11},
  help: 'Force the machine off, after asking; u goes back to what ran in it.',
  command: 'viv kill NAME',
  word: 'force off',
  done: 'forced off',
  verb: () => 'kill',
  ask: (machines) => ({
    title: 'Force off',
    question: `Force ${nameMachines(machines)} off? The plug is pulled; u takes that back, unless it writes to an image of yours.`,
    yesLabel: 'Force off',
  }),
  act: async (machine, {request}) => {
    await request(machineKill, {machine: machine.id});
    return `${machine.name} is off; u goes back to what ran in it.`;
  },
});
