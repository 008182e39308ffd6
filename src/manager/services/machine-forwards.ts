/** Port forwards of machines: kept in their definitions, and changed in those that run. */
import {changeForwards, isSamePort} from '../machine/port-forwards.js';
import {ManagerError} from '../protocol/errors.js';
import {defaultNetwork, MAX_FORWARDS, type Network, type PortForward} from '../protocol/machine.js';
import type {MachineStore} from '../store/machine-store.js';
import type {EventLog} from './event-log.js';
import type {Fleet, FleetMachine} from './fleet.js';
import type {Turns} from './turns.js';

/** What it works with. */
export interface ForwardParts {
  readonly fleet: Fleet;
  readonly store: MachineStore;
  readonly log: EventLog;
  /** Two changes of a machine at once would each keep the definition without the other. */
  readonly definitionTurns: Turns;
}

/** A forward by the host's end. */
export interface ForwardEnd {
  readonly hostPort: number;
  readonly address?: string | undefined;
  readonly protocol?: 'udp' | undefined;
}

/** See the module. */
export class MachineForwards {
  readonly #parts: ForwardParts;

  constructor(parts: ForwardParts) {
    this.#parts = parts;
  }

  /** Errors: machine-not-found, machine-broken, port-in-use, bad-request, not-supported, machine-failed, storage-failed */
  add(reference: string, forward: PortForward): Promise<FleetMachine> {
    return this.#change(reference, forward, true, (machine, {kind, forwards}) => {
      const {name} = machine;
      if (kind === 'none')
        throw new ManagerError('not-supported', `${name} has no network.`, 'Create a machine with --network user.');
      if (forwards.length >= MAX_FORWARDS)
        throw new ManagerError('bad-request', `${name} has ${MAX_FORWARDS} port forwards.`, 'Remove one first.');
      const other = this.#parts.fleet
        .all()
        .find(({definition}) => definition?.config.network?.forwards.some((taken) => isSamePort(taken, forward)));
      if (other !== undefined)
        throw new ManagerError(
          'port-in-use',
          `Port ${forward.hostPort} of ${forward.address} is forwarded to ${other.name} already.`,
          `Take another, or that one back: viv net unforward ${other.name} ${forward.hostPort}`,
        );
      return forward;
    });
  }

  /** Errors: machine-not-found, machine-broken, bad-request, machine-failed, storage-failed */
  remove(reference: string, {hostPort, address, protocol}: ForwardEnd): Promise<FleetMachine> {
    return this.#change(reference, {hostPort}, false, ({name}, {forwards}) => {
      const found = forwards.filter(
        (forward) =>
          forward.hostPort === hostPort &&
          forward.protocol === protocol &&
          (address === undefined || forward.address === address),
      );
      if (found.length === 1) return found[0]!;
      throw found.length === 0
        ? new ManagerError('bad-request', `Port ${hostPort} is not forwarded to ${name}.`, `See viv net ls ${name}.`)
        : new ManagerError(
            'bad-request',
            `Port ${hostPort} is forwarded to ${name} from several addresses.`,
            `Say which: viv net unforward ${name} ${found[0]!.address}:${hostPort}`,
          );
    });
  }

  /** `choose` says which forward it is, or why it cannot be. */
  #change(
    reference: string,
    {hostPort}: Pick<PortForward, 'hostPort'>,
    isWanted: boolean,
    choose: (machine: FleetMachine, network: Network) => PortForward,
  ): Promise<FleetMachine> {
    const {fleet, store, log, definitionTurns} = this.#parts;
    // What cannot be renamed cannot be read either, and says why.
    const machine = fleet.findFor('rename', reference);
    return definitionTurns.take(machine.id, async () => {
      const before = machine.definition;
      if (before === undefined) throw new Error(`machine ${machine.id} has no definition in state ${machine.state}`);
      const network = before.config.network ?? defaultNetwork;
      const forward = choose(machine, network);
      // First: a port that is in use is no part of any definition.
      await machine.run?.forward(forward, isWanted);
      const forwards = changeForwards(network.forwards, forward, isWanted);
      const {config} = machine.definition ?? before;
      const definition = {...(machine.definition ?? before), config: {...config, network: {...network, forwards}}};
      await store.saveDefinition(definition);
      fleet.update(machine, {definition});
      const what = isWanted ? `is forwarded to its port ${forward.guestPort}` : 'is not forwarded any more';
      log.record('machine-changed', `${machine.name}: port ${hostPort} of the host ${what}.`, machine);
      return machine;
    });
  }
}
