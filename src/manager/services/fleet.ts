/** The machines in memory: looked up by id or name, and every change told with a number that grows by one. */
import {EventEmitter} from 'node:events';
import type {HypervisorDriver, RunningMachine} from '../hypervisor/contract.js';
import {type LifeEvent, nextState} from '../machine/lifecycle.js';
import {stateWord} from '../machine/state-word.js';
import {permissions} from '../machine/verbs.js';
import type {EgressQuestion} from '../protocol/egress.js';
import {ManagerError} from '../protocol/errors.js';
import type {Machine, MachineState, MachineVerb} from '../protocol/machine.js';
import type {MachineDefinition, MachineLife} from '../store/machine-store.js';

/** One machine. Changed only through `Fleet.update`, so that every change is told. */
export interface FleetMachine {
  readonly id: string;
  readonly createdAtMs: number;
  readonly folder: string;
  readonly driver: HypervisorDriver;
  name: string;
  /** Missing when the machine is broken. */
  definition: MachineDefinition | undefined;
  state: MachineState;
  reason: string | undefined;
  process: MachineLife['process'];
  crash: MachineLife['crash'];
  /** A state to go on from: its file is whole, and no guest has run since. */
  saved: MachineLife['saved'];
  /** The snapshot taken or gone back to last. */
  snapshotId: string | undefined;
  run: RunningMachine | undefined;
  terminalPath: string | undefined;
  /** What its guest waits for an answer about. */
  questions: readonly EgressQuestion[];
}

/** See the module. Emits `changed` and `removed`. */
export class Fleet {
  readonly events = new EventEmitter<{changed: [seq: number, machine: Machine]; removed: [seq: number, id: string]}>();
  readonly #machines = new Map<string, FleetMachine>();
  #seq = 0;

  get seq(): number {
    return this.#seq;
  }

  all(): FleetMachine[] {
    return [...this.#machines.values()];
  }

  list(): Machine[] {
    return this.all()
      .map(describe)
      .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }

  add(machine: FleetMachine): void {
    this.#machines.set(machine.id, machine);
    this.#tell(machine);
  }

  remove(machine: FleetMachine): void {
    this.#machines.delete(machine.id);
    this.events.emit('removed', ++this.#seq, machine.id);
  }

  /** Changes fields and tells it. */
  update(machine: FleetMachine, changes: Partial<FleetMachine>): void {
    Object.assign(machine, changes);
    // One that was removed while something of it was under way is no longer anybody's news.
    if (this.#machines.get(machine.id) === machine) this.#tell(machine);
  }

  /** Moves a machine along the life cycle; false when that event cannot happen to it now. */
  apply(machine: FleetMachine, event: LifeEvent, changes: Partial<FleetMachine> = {}): boolean {
    const state = nextState(machine.state, event);
    if (state === undefined) return false;
    this.update(machine, {reason: undefined, ...changes, state});
    return true;
  }

  isNameTaken(name: string): boolean {
    return this.all().some((machine) => machine.name === name);
  }

  /** By id, else by name. Errors: machine-not-found */
  find(reference: string): FleetMachine {
    const machine = this.#machines.get(reference) ?? this.all().find(({name}) => name === reference);
    if (machine !== undefined) return machine;
    throw new ManagerError(
      'machine-not-found',
      `There is no machine named ${JSON.stringify(reference.slice(0, 80))}.`,
      'See `viv ls` for the machines there are.',
    );
  }

  /** Finds a machine that accepts the verb now. Errors: machine-not-found, machine-broken, wrong-state, not-supported */
  findFor(verb: MachineVerb, reference: string): FleetMachine {
    const machine = this.find(reference);
    const {capabilities} = machine.driver;
    const permission = permissions(machine.state, capabilities)[verb];
    if (permission.isAllowed) return machine;
    if (machine.state === 'broken')
      throw new ManagerError(
        'machine-broken',
        machine.reason ?? permission.reason,
        `Repair the file in ${machine.folder}, or \`viv rm ${machine.name}\` to move it to the trash.`,
      );
    const isDriverLimit = capabilities.refusals[verb] !== undefined;
    throw new ManagerError(
      isDriverLimit ? 'not-supported' : 'wrong-state',
      `Cannot ${verb} ${machine.name} (${stateWord(machine.state)}): ${permission.reason}`,
      isDriverLimit ? 'Another hypervisor driver may.' : `See \`viv show ${machine.name}\`.`,
    );
  }

  #tell(machine: FleetMachine): void {
    this.events.emit('changed', ++this.#seq, describe(machine));
  }
}

/** A machine as clients see it. */
export function describe(machine: FleetMachine): Machine {
  const {id, name, state, reason, createdAtMs, folder, definition, process, terminalPath, saved, questions} = machine;
  return {
    id,
    name,
    state,
    driver: machine.driver.name,
    createdAtMs,
    folder,
    verbs: permissions(state, machine.driver.capabilities),
    ...(reason === undefined ? {} : {reason}),
    ...(definition === undefined ? {} : {config: definition.config}),
    ...(definition?.labels === undefined ? {} : {labels: definition.labels}),
    ...(saved === undefined ? {} : {saved}),
    ...(questions.length === 0 ? {} : {questions: [...questions]}),
    ...(process === undefined ? {} : {startedAtMs: process.startedAtMs, pid: process.pid}),
    ...(process === undefined || terminalPath === undefined ? {} : {ptyPath: terminalPath}),
  };
}
