import {machineKill} from '../../manager/protocol/machine.js';
import type {Action} from '../keys/action.js';
import {selectedMachine, verbPermission} from '../state/selectors.js';

/** Token of the question this action asks. */
export const KILL_TOKEN = 'machine.kill';

/** Pulls the plug, after asking once. */
export const kill: Action = {
  id: KILL_TOKEN,
  keys: ['K'],
  group: 'Machines',
  hint: {label: 'force off', rank: 9},
  help: 'Force the machine off, after asking; u goes back to what ran in it.',
  command: 'viv kill NAME',
  isEnabled: (state) => verbPermission(state, 'kill'),
  run: async ({state, dispatch, request}) => {
    const machine = selectedMachine(state);
    if (!machine) return;
    const overlay = state.overlay;
    if (overlay?.kind === 'confirm' && overlay.confirmation.token === KILL_TOKEN) {
      await request(machineKill, {machine: overlay.confirmation.machineId});
      return;
    }
    dispatch({
      type: 'overlayShown',
      overlay: {
        kind: 'confirm',
        confirmation: {
          token: KILL_TOKEN,
          machineId: machine.id,
          title: 'Force off',
          question: `Force ${machine.name} off? The plug is pulled; u takes that back, unless it writes to an image of yours.`,
          yesLabel: 'Force off',
          isYes: false,
        },
      },
    });
  },
};
