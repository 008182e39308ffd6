import type {MachineState} from '../protocol/machine.js';

/** What a state is called in sentences: people switch machines off, they do not define them. */
export function stateWord(state: MachineState): string {
  if (state === 'defined') return 'off';
  return state === 'stopping' ? 'shutting down' : state;
}
