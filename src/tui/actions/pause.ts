import {machinePause, machineResume} from '../../manager/protocol/machine.js';
import type {Action} from '../keys/action.js';
import {selectedMachine, verbPermission} from '../state/selectors.js';

/** Stops guest time, or lets it go on. */
export const pause: Action = {
  id: 'machine.pause',
  keys: ['p'],
  group: 'Machines',
  hint: {label: 'pause', rank: 3},
  help: 'Pause the machine; again resumes it.',
  command: 'viv pause NAME',
  isEnabled: (state) => verbPermission(state, selectedMachine(state)?.state === 'paused' ? 'resume' : 'pause'),
  run: async ({state, request}) => {
    const machine = selectedMachine(state);
    if (machine) await request(machine.state === 'paused' ? machineResume : machinePause, {machine: machine.id});
  },
};
