import {machineResume, machineStart} from '../../manager/protocol/machine.js';
import type {Action} from '../keys/action.js';
import {selectedMachine, verbPermission} from '../state/selectors.js';

/** Starts the highlighted machine, or lets a paused one go on. */
export const start: Action = {
  id: 'machine.start',
  keys: ['s'],
  group: 'Machines',
  hint: {label: 'start', rank: 2},
  help: 'Start the machine (a saved one goes on), or resume a paused one.',
  command: 'viv start NAME',
  isEnabled: (state) => verbPermission(state, selectedMachine(state)?.state === 'paused' ? 'resume' : 'start'),
  run: async ({state, dispatch, request}) => {
    const machine = selectedMachine(state);
    if (!machine) return;
    if (machine.state === 'paused') {
      await request(machineResume, {machine: machine.id});
      return;
    }
    dispatch({type: 'tabChosen', tab: 'console'});
    await request(machineStart, {machine: machine.id});
  },
};
