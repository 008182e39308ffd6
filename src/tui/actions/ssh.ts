import type {Action} from '../keys/action.js';
import {selectedMachine} from '../state/selectors.js';
import {text} from '../text/text.js';

/** The guest's own SSH server, as root. */
export const ssh: Action = {
  id: 'machine.ssh',
  keys: ['o'],
  hint: {label: text.actions.ssh.hint, rank: 14},
  group: 'Machines',
  help: text.actions.ssh.help,
  command: 'viv ssh root@NAME',
  isEnabled: (state) => {
    const machine = selectedMachine(state);
    if (machine === undefined) return text.fleet.noneThere;
    if (machine.state === 'running') return true;
    return text.actions.ssh.refusals.notRunning(machine.name, text.states.names[machine.state]);
  },
  run: async ({state, lendTerminal}) => {
    const machine = selectedMachine(state);
    if (machine) await lendTerminal(['ssh', `root@${machine.name}`]);
  },
};
