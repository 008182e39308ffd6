/** Questions asked of the state in more than one place. */
import type {Job} from '../../manager/protocol/job.js';
import type {Machine, MachineState, MachineVerb} from '../../manager/protocol/machine.js';
import type {Snapshot} from '../../manager/protocol/snapshot.js';
import {text} from '../text/text.js';
import {LIST_ONLY_COLUMNS} from './layout.js';
import {layoutOf, selectedRow, wallMachines, wallRect} from './list.js';
import type {AppState, TimelineView} from './model.js';

/** The machine of the highlighted row, if that is a machine's. */
export function selectedMachine(state: AppState): Machine | undefined {
  const row = selectedRow(state);
  return row?.kind === 'machine' ? row.machine : undefined;
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

/** Why there is no right pane, in one sentence; `undefined` where the screen has room for one. */
export function paneRefusal({size}: AppState): string | undefined {
  if (size.columns >= LIST_ONLY_COLUMNS) return undefined;
  return text.fleet.tooNarrow(LIST_ONLY_COLUMNS);
}

/** Why no machine is highlighted, in one sentence. */
export function noMachine(state: AppState): string {
  const row = selectedRow(state);
  if (row?.kind === 'group') return text.fleet.isGroup(row.name);
  return state.machines.length === 0 ? text.fleet.noMachine : text.fleet.noMatch;
}

/** Whether a verb can act on the highlighted machine: `true`, or the reason why not in one sentence. */
export function verbPermission(state: AppState, verb: MachineVerb): true | string {
  const machine = selectedMachine(state);
  if (!machine) return noMachine(state);
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
  const {content, wall} = layoutOf(state);
  if (wall.length > 0) return wallRect(state) && selectedMachine(state);
  const isShown = content !== undefined;
  return isShown && (state.focus !== 'list' || state.tab === 'console') ? selectedMachine(state) : undefined;
}

/** All machines whose consoles are on the screen: those on the wall, or the one in the pane. */
export function seenConsoles(state: AppState): readonly Machine[] {
  if (layoutOf(state).wall.length > 0) return wallMachines(state);
  const shown = shownConsole(state);
  return shown === undefined ? [] : [shown];
}

/** Why nothing can be asked of the manager now: a sentence, or `undefined` when it can. */
export function awayReason({connection}: AppState): string | undefined {
  if (connection.state === 'connected') return undefined;
  return connection.state === 'closed' ? text.manager.ended : text.manager.refusals[connection.state];
}
