/** Finding a machine whose guest can be asked for something now. */
import type {RunningMachine} from '../hypervisor/contract.js';
import {stateWord} from '../machine/state-word.js';
import {ManagerError} from '../protocol/errors.js';
import type {Fleet, FleetMachine} from './fleet.js';

/**
 * The machine of this name or id, and its run. `purpose` says what for, with the name: "ask the agent of".
 * Errors: machine-not-found, wrong-state
 */
export function findRunning(
  fleet: Fleet,
  reference: string,
  purpose: string,
): {readonly machine: FleetMachine; readonly run: RunningMachine} {
  const machine = fleet.find(reference);
  const {run, state} = machine;
  if (run !== undefined && state === 'running') return {machine, run};
  throw notRunning(machine, purpose);
}

/** The error for a machine of which only a running guest could do it. */
export function notRunning({name, state}: Pick<FleetMachine, 'name' | 'state'>, purpose: string): ManagerError {
  return new ManagerError(
    'wrong-state',
    `Cannot ${purpose} ${name}: it is ${stateWord(state)}.`,
    state === 'paused' ? `Let it go on: viv resume ${name}` : `Start it: viv start ${name}`,
  );
}
