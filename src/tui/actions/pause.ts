import {machinePause, machineResume} from '../../manager/protocol/machine.js';
import {machineAction} from '../keys/machine-action.js';
import {text} from '../text/text.js';

/** Stops guest time, or lets it go on. */
export const pause = machineAction({
  id: 'machine.pause',
  keys: ['p'],
  hint: {label: text.actions.pause.hint, rank: 3},
  help: text.actions.pause.help,
  command: 'viv pause NAME',
  many: text.actions.pause.many,
  verb: ({state}) => (state === 'paused' ? 'resume' : 'pause'),
  act: async ({id, state}, {request}) => {
    await request(state === 'paused' ? machineResume : machinePause, {machine: id});
    return undefined;
  },
});
