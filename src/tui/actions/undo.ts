import {machineUnremove} from '../../manager/protocol/machine.js';
import type {Action} from '../keys/action.js';

/** Brings back the machine deleted last. */
export const undo: Action = {
  id: 'machine.undo',
  keys: ['u'],
  group: 'Machines',
  help: 'Bring back the machine deleted last.',
  isEnabled: () => true,
  run: async ({request, dispatch, toast}) => {
    const {machine} = await request(machineUnremove, {});
    dispatch({type: 'machineSelected', id: machine.id});
    toast(`${machine.name} is back.`);
  },
};
