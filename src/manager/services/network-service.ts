/** What is asked of the networks of machines that run. */

import type {RunningMachine} from '../hypervisor/contract.js';
import {stateWord} from '../machine/state-word.js';
import {ManagerError} from '../protocol/errors.js';
import type {CaptureAnswer, CaptureRequest, NetworkStatus} from '../protocol/network.js';
import type {Fleet} from './fleet.js';

/** See the module. */
export class NetworkService {
  readonly #fleet: Fleet;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  /** See `networkStatus`. */
  async status(reference: string): Promise<NetworkStatus> {
    return this.#running(reference).networkStatus();
  }

  /** See `networkCapture`. */
  async capture(reference: string, request: CaptureRequest, signal: AbortSignal): Promise<CaptureAnswer> {
    return this.#running(reference).capture(request, signal);
  }

  /** Errors: machine-not-found, wrong-state */
  #running(reference: string): RunningMachine {
    const {run, state, name} = this.#fleet.find(reference);
    if (run !== undefined) return run;
    throw new ManagerError(
      'wrong-state',
      `Cannot look at the network of ${name}: it is ${stateWord(state)}.`,
      `Start it: viv start ${name}`,
    );
  }
}
