import type {Action} from '../keys/action.js';
import {selectedMachine} from '../state/selectors.js';

/** The guest's own SSH server, as root. */
export const ssh: Action = {
  id: 'machine.ssh',
  keys: ['o'],
  hint: {label: 'ssh', rank: 14},
  group: 'Machines',
  help: "Log in to the guest's own SSH server as root; its end leads back here.",
  command: 'viv ssh root@NAME',
  isEnabled: (state) => {
    const machine = selectedMachine(state);
    if (machine === undefined) return 'There is no machine.';
    return machine.state === 'running'
      ? true
      : `${machine.name} is ${machine.state}: it can be logged in to while it runs.`;
  },
  run: async ({state, lendTerminal}) => {
    const machine = selectedMachine(state);
    if (machine) await lendTerminal(['ssh', `root@${machine.name}`]);
  },
};
