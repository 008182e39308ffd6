import {hasProcess} from '../machine/lifecycle.js';
import {stateWord} from '../machine/state-word.js';
import {ManagerError} from '../protocol/errors.js';
import type {MachineDefinition} from '../store/machine-store.js';
import type {Fleet, FleetMachine} from './fleet.js';

/**
 * A machine whose definition may be changed, since nothing runs by it or is to go on by it. `what` is what is to be changed,
 * for people, like `the disks`. Errors: machine-not-found, machine-broken, wrong-state
 */
export function findStopped(
  fleet: Fleet,
  reference: string,
  what: string,
): {readonly machine: FleetMachine; readonly definition: MachineDefinition} {
  const machine = fleet.find(reference);
  // What cannot be renamed cannot be read either, and says why.
  const {definition} = fleet.findFor('rename', reference);
  if (machine.saved !== undefined)
    throw new ManagerError(
      'wrong-state',
      `Cannot change ${what} of ${machine.name}: its state is saved with what it has.`,
      `Go on from it and shut it down, or boot it afresh: viv start --discard-saved ${machine.name}`,
    );
  if (definition !== undefined && !hasProcess(machine.state)) return {machine, definition};
  throw new ManagerError(
    'wrong-state',
    `Cannot change ${what} of ${machine.name}: it is ${stateWord(machine.state)}.`,
    `Shut it down first: viv shutdown ${machine.name}`,
  );
}
