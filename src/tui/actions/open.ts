import {machineStart} from '../../manager/protocol/machine.js';
import type {Action} from '../keys/action.js';
import {selectedRow} from '../state/list.js';
import {isFirstRun, isLive, selectedMachine, verbPermission} from '../state/selectors.js';
import {text} from '../text/text.js';
import {fold} from './sort.js';

/** Enter: types into the console of the highlighted machine, starting it first when it is off. */
export const open: Action = {
  id: 'machine.open',
  keys: ['enter'],
  group: 'Machines',
  hint: {label: text.actions.open.hint, rank: 1},
  help: text.actions.open.help,
  command: 'viv console NAME',
  isEnabled: (state) => {
    if (isFirstRun(state) || selectedRow(state)?.kind === 'group') return true;
    const machine = selectedMachine(state);
    return verbPermission(state, machine && isLive(machine.state) ? 'console' : 'start');
  },
  run: async (context) => {
    if (isFirstRun(context.state)) {
      await context.bootFirstMachine();
      return;
    }
    if (selectedRow(context.state)?.kind === 'group') {
      await fold.run(context);
      return;
    }
    const machine = selectedMachine(context.state);
    if (!machine) return;
    const needsStart = !isLive(machine.state);
    // The request is on its way before the focus moves: the boot log shows from its first line.
    const started = needsStart ? context.request(machineStart, {machine: machine.id}) : undefined;
    context.focusConsole(false);
    await started;
  },
};
