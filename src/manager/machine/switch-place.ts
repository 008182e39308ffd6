/** Places of machines on private switches. */
import {ManagerError} from '../protocol/errors.js';
import {SWITCH_NUMBERS, type SwitchPlace} from '../protocol/machine.js';

/** The first place on a switch that is not taken. Machines that are off keep theirs. Errors: bad-request when it is full */
export function placeOnSwitch(name: string, taken: readonly SwitchPlace[]): SwitchPlace {
  const numbers = new Set(taken.filter((place) => place.name === name).map(({number}) => number));
  let number: number = SWITCH_NUMBERS.first;
  while (numbers.has(number)) number++;
  if (number <= SWITCH_NUMBERS.last) return {name, number};
  throw new ManagerError(
    'bad-request',
    `The switch ${name} has no place for another machine.`,
    'Take another switch, or remove a machine from this one.',
  );
}
