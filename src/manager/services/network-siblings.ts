/** Tells machines on private switches who else runs there, by name, whenever that changes. */
import type {RunningMachine, Sibling} from '../hypervisor/contract.js';
import {ManagerError} from '../protocol/errors.js';
import type {Fleet, FleetMachine} from './fleet.js';

/** See the module. */
export class NetworkSiblings implements Disposable {
  readonly #fleet: Fleet;
  /** What each was told last. */
  readonly #told = new WeakMap<RunningMachine, string>();
  readonly #changed = (): void => this.#tell();

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
    fleet.events.on('changed', this.#changed);
    fleet.events.on('removed', this.#changed);
  }

  [Symbol.dispose](): void {
    this.#fleet.events.off('changed', this.#changed);
    this.#fleet.events.off('removed', this.#changed);
  }

  #tell(): void {
    const switches = new Map<string, (FleetMachine & {readonly run: RunningMachine})[]>();
    for (const machine of this.#fleet.all()) {
      const name = machine.definition?.config.network?.switch?.name;
      const {run} = machine;
      if (name === undefined || run === undefined) continue;
      switches.set(name, [...(switches.get(name) ?? []), {...machine, run}]);
    }
    for (const members of switches.values()) {
      const siblings = members.map(toSibling).sort((one, other) => (one.name < other.name ? -1 : 1));
      const text = JSON.stringify(siblings);
      for (const {run} of members) {
        if (this.#told.get(run) === text) continue;
        this.#told.set(run, text);
        run.tellSiblings(siblings).catch((thrown: unknown) => {
          // It ended just now.
          if (!(thrown instanceof ManagerError)) throw thrown;
        });
      }
    }
  }
}

function toSibling({name, definition}: FleetMachine): Sibling {
  return {name, address: `10.0.2.${definition?.config.network?.switch?.number ?? 0}`};
}
