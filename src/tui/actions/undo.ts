import {undoLast} from '../../manager/protocol/undo.js';
import type {Action} from '../keys/action.js';
import {text} from '../text/text.js';

/** Takes back what was done last. */
export const undo: Action = {
  id: 'machine.undo',
  keys: ['u'],
  group: 'Machines',
  help: text.actions.undo.help,
  command: 'viv undo',
  isEnabled: () => true,
  run: async ({request, dispatch, toast}) => {
    const {machine, message} = await request(undoLast, {});
    dispatch({type: 'machineSelected', id: machine.id});
    toast(message);
  },
};
