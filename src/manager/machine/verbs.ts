/** Which verbs a machine accepts now, with the reason for each that it does not: one place for daemon and clients. */
import type {Capabilities} from '../hypervisor/contract.js';
import type {MachineConfig, MachineState, MachineVerb, Permission} from '../protocol/machine.js';

const allowed: Permission = {isAllowed: true};

function refused(reason: string): Permission {
  return {isAllowed: false, reason};
}

const notRunning = refused('The machine is not running.');
const starting = refused('The machine is still starting.');
const stopping = refused('The machine is shutting down.');
const saving = refused('Its state is being saved.');
const saved = refused('It is off, its state saved: start goes on from there.');
const broken = refused('Its definition cannot be read.');
const stopFirst = refused('Shut it down or force it off first.');

type Row = Readonly<Record<MachineVerb, Permission>>;

const rows: Readonly<Record<MachineState, Row>> = {
  defined: row({
    pause: notRunning,
    resume: notRunning,
    shutdown: notRunning,
    kill: notRunning,
    save: notRunning,
    snapshot: notRunning,
    fork: notRunning,
  }),
  crashed: row({
    pause: notRunning,
    resume: notRunning,
    shutdown: notRunning,
    kill: notRunning,
    save: notRunning,
    snapshot: notRunning,
    fork: notRunning,
  }),
  starting: row({
    start: refused('It is starting already.'),
    pause: starting,
    resume: starting,
    shutdown: starting,
    save: starting,
    snapshot: starting,
    fork: starting,
    restore: starting,
    remove: stopFirst,
  }),
  running: row({start: refused('It is running already.'), resume: refused('It is not paused.'), remove: stopFirst}),
  paused: row({
    start: refused('It is paused: resume it.'),
    pause: refused('It is paused already.'),
    shutdown: refused('A paused guest cannot react: resume it first.'),
    remove: stopFirst,
  }),
  stopping: row({
    start: stopping,
    pause: stopping,
    resume: stopping,
    shutdown: refused('It was asked already.'),
    save: stopping,
    snapshot: stopping,
    fork: stopping,
    restore: stopping,
    remove: stopFirst,
  }),
  saving: row({
    start: saving,
    pause: saving,
    resume: saving,
    shutdown: saving,
    save: saving,
    snapshot: saving,
    fork: saving,
    restore: saving,
    remove: stopFirst,
  }),
  saved: row({
    pause: saved,
    resume: saved,
    shutdown: saved,
    kill: refused('It is off, its state saved: start it afresh to discard that.'),
    save: refused('It is saved already.'),
    snapshot: refused('It is off, its state saved: start it first.'),
    fork: refused('It is off, its state saved: start it first.'),
  }),
  broken: row({
    start: broken,
    pause: broken,
    resume: broken,
    shutdown: broken,
    kill: broken,
    save: broken,
    snapshot: broken,
    fork: broken,
    restore: broken,
    rename: broken,
    console: broken,
  }),
};

function row(refusals: Partial<Row>): Row {
  const all = {
    start: allowed,
    pause: allowed,
    resume: allowed,
    shutdown: allowed,
    kill: allowed,
    save: allowed,
    snapshot: allowed,
    fork: allowed,
    restore: allowed,
    rename: allowed,
    remove: allowed,
    console: allowed,
  };
  return {...all, ...refusals};
}

const writesDisk = refused('It writes a disk, and saved states do not hold disks yet.');

/** Verbs that a machine of this make cannot be asked for in any state. */
function limits(config: MachineConfig | undefined): Partial<Row> {
  if (config === undefined || config.disks.every(({isReadOnly}) => isReadOnly)) return {};
  return {save: writesDisk, snapshot: writesDisk, fork: writesDisk};
}

/** All verbs for a state and a driver; what the driver or the machine's make does not allow is refused with that reason. */
export function permissions(state: MachineState, capabilities: Capabilities, config?: MachineConfig): Row {
  const row = rows[state];
  const made = Object.entries(limits(config)).filter(([verb]) => row[verb as MachineVerb].isAllowed);
  return {...row, ...Object.fromEntries(made), ...capabilities.refusals};
}
