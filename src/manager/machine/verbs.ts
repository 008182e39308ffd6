/** Which verbs a machine accepts now, with the reason for each that it does not: one place for daemon and clients. */
import type {Capabilities} from '../hypervisor/contract.js';
import type {MachineState, MachineVerb, Permission} from '../protocol/machine.js';

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
const running = refused('It runs: fork it, or shut it down first.');
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
    clone: starting,
    restore: starting,
    remove: stopFirst,
  }),
  running: row({
    start: refused('It is running already.'),
    resume: refused('It is not paused.'),
    clone: running,
    remove: stopFirst,
  }),
  paused: row({
    start: refused('It is paused: resume it.'),
    pause: refused('It is paused already.'),
    shutdown: refused('A paused guest cannot react: resume it first.'),
    clone: running,
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
    clone: stopping,
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
    clone: saving,
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
    clone: broken,
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
    clone: allowed,
    restore: allowed,
    rename: allowed,
    remove: allowed,
    console: allowed,
  };
  return {...all, ...refusals};
}

/** All verbs for a state and a driver; what the driver does not allow is refused with that reason. */
export function permissions(state: MachineState, capabilities: Capabilities): Row {
  return {...rows[state], ...capabilities.refusals};
}
