/** What is asked of the networks of machines that run. */

import type {RunningMachine} from '../hypervisor/contract.js';
import type {CaptureAnswer, CaptureRequest, NetworkStatus} from '../protocol/network.js';
import type {Fleet} from './fleet.js';
import {notRunning} from './running-machine.js';

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
    const machine = this.#fleet.find(reference);
    if (machine.run !== undefined) return machine.run;
    throw notRunning(machine, 'look at the network of');
  }
}
