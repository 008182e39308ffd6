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
const broken = refused('Its definition cannot be read.');
const stopFirst = refused('Shut it down or force it off first.');

type Row = Readonly<Record<MachineVerb, Permission>>;

const rows: Readonly<Record<MachineState, Row>> = {
  defined: row({pause: notRunning, resume: notRunning, shutdown: notRunning, kill: notRunning}),
  crashed: row({pause: notRunning, resume: notRunning, shutdown: notRunning, kill: notRunning}),
  starting: row({
    start: refused('It is starting already.'),
    pause: starting,
    resume: starting,
    shutdown: starting,
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
    remove: stopFirst,
  }),
  broken: row({
    start: broken,
    pause: broken,
    resume: broken,
    shutdown: broken,
    kill: broken,
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
    rename: allowed,
    remove: allowed,
    console: allowed,
  };
  return {...all, ...refusals};
}

/** All verbs for a state and a driver; what the driver cannot do stays refused with the driver's reason. */
export function permissions(state: MachineState, capabilities: Capabilities): Row {
  return {...rows[state], ...capabilities.refusals};
}
