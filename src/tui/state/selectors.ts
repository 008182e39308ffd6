/** Questions asked of the state in more than one place. */
import type {Job} from '../../manager/protocol/job.js';
import type {Machine, MachineState, MachineVerb} from '../../manager/protocol/machine.js';
import type {Snapshot} from '../../manager/protocol/snapshot.js';
import {computeLayout} from './layout.js';
import type {AppState, TimelineView} from './model.js';

/** True for a machine that a filter text matches: `state:WORD`, else part of the name; words must all match. */
export function matchesFilter(machine: Machine, filter: string): boolean {
  return filter
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
    .every((word) =>
      word.startsWith('state:')
        ? machine.state.startsWith(word.slice('state:'.length))
        : isSubsequence(word, machine.name.toLowerCase()),
    );
}

// Fuzzy: the letters in order, as in `wb1` for `web-1`.
function isSubsequence(needle: string, hay: string): boolean {
  let at = 0;
  for (const char of hay) if (char === needle[at]) at++;
  return at >= needle.length;
}

/** Machines the filter lets through, in list order. */
export function visibleMachines(state: AppState): readonly Machine[] {
  if (state.filter === '') return state.machines;
  return state.machines.filter((machine) => matchesFilter(machine, state.filter));
}

/** The machine of the highlighted row, if there is a row. */
export function selectedMachine(state: AppState): Machine | undefined {
  const visible = visibleMachines(state);
  return visible.find((machine) => machine.id === state.selectedId) ?? visible[0];
}

/** How many machines are in any of the given states. */
export function countInStates(state: AppState, ...states: readonly MachineState[]): number {
  return state.machines.filter((machine) => states.includes(machine.state)).length;
}

/** The running build of the image a machine waits for, if it does. */
export function awaitedJob(state: AppState, machine: Machine): Job | undefined {
  const boot = machine.config?.boot;
  if (machine.state !== 'starting' || boot?.kind !== 'image') return undefined;
  return state.jobs.find((job) => job.subject === boot.image && job.state === 'running');
}

/** True while the first-run screen is shown: the fleet is known and empty. */
export function isFirstRun(state: AppState): boolean {
  return state.connection.state === 'connected' && state.machines.length === 0;
}

/** True for states in which a machine has a process or is about to have one. */
export function isLive(state: MachineState): boolean {
  return ['starting', 'running', 'paused', 'saving', 'stopping'].includes(state);
}

/** Whether a verb can act on the highlighted machine: `true`, or the reason why not in one sentence. */
export function verbPermission(state: AppState, verb: MachineVerb): true | string {
  const machine = selectedMachine(state);
  if (!machine) return state.machines.length === 0 ? 'There is no machine yet.' : 'No machine matches the filter.';
  const permission = machine.verbs[verb];
  return permission.isAllowed ? true : permission.reason;
}

/** The timeline of the highlighted machine, once it is known. */
export function selectedTimeline(state: AppState): TimelineView | undefined {
  return state.timeline?.machineId === selectedMachine(state)?.id ? state.timeline : undefined;
}

/** The point that is looked at in the timeline of the highlighted machine, if it has any. */
export function chosenPoint(state: AppState): Snapshot | undefined {
  const points = selectedTimeline(state)?.points ?? [];
  return points.find(({id}) => id === state.pointId) ?? points.at(-1);
}

/** The machine whose console is on the screen, if one is. */
export function shownConsole(state: AppState): Machine | undefined {
  const isShown = computeLayout(state.size, state.focus).content !== undefined;
  return isShown && (state.focus !== 'list' || state.tab === 'console') ? selectedMachine(state) : undefined;
}

/** Why nothing can be asked of the manager now: a sentence, or `undefined` when it can. */
export function awayReason({connection}: AppState): string | undefined {
  if (connection.state === 'connected') return undefined;
  if (connection.state === 'lost') return 'The connection to the manager is lost; it is tried again by itself.';
  if (connection.state === 'ended')
    return 'The manager was stopped; any viv command starts it again, and this goes on.';
  return connection.state === 'connecting' ? 'The manager is still starting.' : 'The manager has ended.';
}
