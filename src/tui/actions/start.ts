import {machineResume, machineStart} from '../../manager/protocol/machine.js';
import {machineAction} from '../keys/machine-action.js';

/** Starts a machine, or lets a paused one go on. */
export const start = machineAction({
  id: 'machine.start',
  keys: ['s'],
  hint: {label: 'start', rank: 2},
  help: 'Start the machine (a saved one goes on), or resume a paused one.',
  command: 'viv start NAME',
  word: 'start',
  done: 'started',
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
