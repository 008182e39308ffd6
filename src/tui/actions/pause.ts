import {machinePause, machineResume} from '../../manager/protocol/machine.js';
import {machineAction} from '../keys/machine-action.js';

/** Stops guest time, or lets it go on. */
export const pause = machineAction({
  id: 'machine.pause',
  keys: ['p'],
  hint: {label: 'pause', rank: 3},
  help: 'Pause the machine; again resumes it.',
  command: 'viv pause NAME',
  word: 'pause or resume',
  done: 'paused or resumed',
  verb: ({state}) => (state === 'paused' ? 'resume' : 'pause'),
  act: async ({id, state}, {request}) => {
    await request(state === 'paused' ? machineResume : machinePause, {machine: id});
    return undefined;
  },
});
