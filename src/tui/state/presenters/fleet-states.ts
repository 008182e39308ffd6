import type {Machine, MachineState} from '../../../manager/protocol/machine.js';
import type {ThemeToken} from '../../theme.js';

/** A group of states with how many machines are in it. */
export interface StateCount {
  readonly label: string;
  readonly token: ThemeToken;
  readonly count: number;
}

const GROUPS: readonly {
  readonly label: string;
  readonly token: ThemeToken;
  readonly states: readonly MachineState[];
}[] = [
  {label: 'running', token: 'running', states: ['running']},
  {label: 'paused', token: 'paused', states: ['paused']},
  {label: 'busy', token: 'busy', states: ['starting', 'stopping', 'saving']},
  {label: 'off', token: 'off', states: ['defined', 'saved']},
  {label: 'failed', token: 'failed', states: ['crashed', 'broken']},
];

/** How many machines are in each group of states; groups without any are left out, but for the running ones. */
export function stateCounts(machines: readonly Machine[]): readonly StateCount[] {
  return GROUPS.map(({label, token, states}) => ({
    label,
    token,
    count: machines.filter(({state}) => states.includes(state)).length,
  })).filter(({label, count}) => count > 0 || label === 'running');
}
