import type {Machine, MachineState} from '../../../manager/protocol/machine.js';
import {text} from '../../text/text.js';
import type {ThemeToken} from '../../theme.js';

/** A group of states with how many machines are in it. */
export interface StateCount {
  readonly label: string;
  readonly token: ThemeToken;
  readonly count: number;
}

const {groups} = text.states;

const GROUPS: readonly {
  readonly label: string;
  readonly token: ThemeToken;
  readonly states: readonly MachineState[];
}[] = [
  {label: groups.running, token: 'running', states: ['running']},
  {label: groups.paused, token: 'paused', states: ['paused']},
  {label: groups.busy, token: 'busy', states: ['starting', 'stopping', 'saving']},
  {label: groups.off, token: 'off', states: ['defined', 'saved']},
  {label: groups.failed, token: 'failed', states: ['crashed', 'broken']},
];

/** How many machines are in each group of states; groups without any are left out, but for the running ones. */
export function stateCounts(machines: readonly Machine[]): readonly StateCount[] {
  return GROUPS.map(({label, token, states}) => ({
    label,
    token,
    count: machines.filter(({state}) => states.includes(state)).length,
  })).filter(({token, count}) => count > 0 || token === 'running');
}
