import {machineResume, machineStart} from '../../manager/protocol/machine.js';
import {machineAction} from '../keys/machine-action.js';
import {text} from '../text/text.js';

/** Starts a machine, or lets a paused one go on. */
export const start = machineAction({
  id: 'machine.start',
  keys: ['s'],
  hint: {label: text.actions.start.hint, rank: 2},
  help: text.actions.start.help,
  command: 'viv start NAME',
  many: text.actions.start.many,
  verb: ({state}) => (state === 'paused' ? 'resume' : 'start'),
  act: async ({id, state}, {request, dispatch}) => {
    if (state === 'paused') await request(machineResume, {machine: id});
    else {
      dispatch({type: 'tabChosen', tab: 'console'});
      await request(machineStart, {machine: id});
    }
    return undefined;
  },
});
