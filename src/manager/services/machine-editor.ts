/** Changes what machines are made of, and how they are sorted, after they were made. */
import {changeLabels} from '../machine/labels.js';
import {checkMemorySize} from '../machine/memory-size.js';
import {checkHartCount} from '../machine/processors.js';
import type {ParamsOutput} from '../protocol/define.js';
import {ManagerError} from '../protocol/errors.js';
import {DISK_IMAGE} from '../protocol/image.js';
import {type Boot, defaultNetwork, type machineEdit, type machineLabel} from '../protocol/machine.js';
import type {MachineStore} from '../store/machine-store.js';
import {checkMemoryExists} from './boot-files.js';
import type {EventLog} from './event-log.js';
import type {Fleet, FleetMachine} from './fleet.js';
import {findStopped} from './stopped-machine.js';
import type {Turns} from './turns.js';

/** What it works with. */
export interface EditorParts {
  readonly fleet: Fleet;
  readonly store: MachineStore;
  readonly log: EventLog;
  /** Two changes of a machine at once would each keep the definition without the other. */
  readonly definitionTurns: Turns;
}

/** See the module. */
export class MachineEditor {
  readonly #parts: EditorParts;

  constructor(parts: EditorParts) {
    this.#parts = parts;
  }

  /** See `machineLabel`. */
  label({machine: reference, ...change}: ParamsOutput<typeof machineLabel>): Promise<FleetMachine> {
    const {fleet, store, definitionTurns} = this.#parts;
    // What cannot be renamed cannot be read either, and says why.
    const machine = fleet.findFor('rename', reference);
    return definitionTurns.take(machine.id, async () => {
      const {definition} = machine;
      if (definition === undefined) return machine;
      const changed = {...definition, labels: changeLabels(definition.labels, change)};
      await store.saveDefinition(changed);
      fleet.update(machine, {definition: changed});
      return machine;
    });
  }

  /** See `machineEdit`. */
  edit({machine: reference, ...changes}: ParamsOutput<typeof machineEdit>): Promise<FleetMachine> {
    const {fleet, store, log, definitionTurns} = this.#parts;
    const {id} = findStopped(fleet, reference, 'the make').machine;
    return definitionTurns.take(id, async () => {
      const {machine, definition: before} = findStopped(fleet, id, 'the make');
      const memoryBytes = checkMemorySize(changes.memoryBytes ?? before.config.memoryBytes);
      if (changes.memoryBytes !== undefined) checkMemoryExists(memoryBytes);
      const hartCount = checkHartCount(changes.hartCount ?? before.config.hartCount);
      const boot = withCommandLine(before.config.boot, changes.commandLine);
      await machine.driver.check(memoryBytes, boot);
      // It may have been started, or changed otherwise, while the driver looked.
      const {definition} = findStopped(fleet, id, 'the make');
      const {config} = definition;
      const network = changes.network && {
        network: {...(config.network ?? defaultNetwork), ...defined(changes.network)},
      };
      const tier = changes.tier === undefined ? {} : {tier: changes.tier};
      const changed = {...definition, config: {...config, memoryBytes, hartCount, boot, ...tier, ...network}};
      await store.saveDefinition(changed);
      fleet.update(machine, {definition: changed});
      log.record('machine-changed', `${machine.name} was changed.`, machine);
      return machine;
    });
  }
}

/** The entries that are there, so that what is left out stays. */
function defined<Value extends object>(value: Value): {[Key in keyof Value]-?: Exclude<Value[Key], undefined>} {
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  return Object.fromEntries(entries) as {[Key in keyof Value]-?: Exclude<Value[Key], undefined>};
}

/** What a Linux kernel is told when nobody says anything. */
const DEFAULT_COMMAND_LINE = 'console=hvc0';

/** Errors: bad-request when what is booted takes no command line */
function withCommandLine(boot: Boot, commandLine: string | null | undefined): Boot {
  if (commandLine === undefined) return boot;
  if (boot.kind === 'image' && boot.image !== DISK_IMAGE) {
    const {commandLine: _before, ...rest} = boot;
    return commandLine === null ? rest : {...rest, commandLine};
  }
  if (boot.kind === 'linux') return {...boot, commandLine: commandLine ?? DEFAULT_COMMAND_LINE};
  throw new ManagerError('bad-request', 'Firmware takes no command line.', 'Leave it out.');
}
