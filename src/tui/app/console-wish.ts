/** A console that somebody wants to get into, where that has to wait for its machine: a boot takes longer than a key. */
import type {AppState} from '../state/model.js';
import {isLive, selectedMachine} from '../state/selectors.js';

/** See the module. */
export class ConsoleWish {
  readonly #enter: (name: string) => void;
  #machineId: string | undefined;
  #wasLive = false;

  /** `enter` leads into the console of the machine with this name. */
  constructor(enter: (name: string) => void) {
    this.#enter = enter;
  }

  /** The console of the highlighted machine is wanted: at once when it runs, else once it does. */
  want(state: AppState): void {
    this.#machineId = selectedMachine(state)?.id ?? state.selectedId;
    this.#wasLive = false;
    this.follow(state);
  }

  /** It is wanted no more: another key was pressed. */
  drop(): void {
    this.#machineId = undefined;
  }

  /** Takes note of a state. A machine that ended meanwhile, or a question that came, leads nowhere. */
  follow(state: AppState): void {
    if (this.#machineId === undefined) return;
    const machine = state.machines.find(({id}) => id === this.#machineId);
    // One that was just made may be told of a moment later.
    if (machine === undefined && state.selectedId === this.#machineId) return;
    const isEnded = this.#wasLive && machine !== undefined && !isLive(machine.state);
    if (machine === undefined || isEnded || state.overlay !== undefined) this.#machineId = undefined;
    else if (isLive(machine.state) && machine.state !== 'starting') {
      this.#machineId = undefined;
      this.#enter(machine.name);
    } else this.#wasLive = isLive(machine.state);
  }
}
