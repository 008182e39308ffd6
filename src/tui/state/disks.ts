/** The disks of the machine whose Disks tab is shown. */
import type {DiskStatus} from '../../manager/protocol/disks.js';
import type {AppState} from './model.js';
import {selectedMachine} from './selectors.js';

/** What is known of them, and which is chosen. */
export interface DisksView {
  readonly machineId: string;
  readonly disks: readonly DiskStatus[];
  readonly chosen: number;
}

/** What changes it. */
export type DisksNews =
  | {readonly type: 'disksLoaded'; readonly machineId: string; readonly disks: readonly DiskStatus[]}
  | {readonly type: 'diskMoved'; readonly by: number};

/** The state after news. */
export function reduceDisks(state: AppState, news: DisksNews): AppState {
  const before = state.disks;
  if (news.type === 'disksLoaded') {
    const {machineId, disks} = news;
    const chosen = before?.machineId === machineId ? Math.min(before.chosen, Math.max(0, disks.length - 1)) : 0;
    return {...state, disks: {machineId, disks, chosen}};
  }
  if (before === undefined) return state;
  const chosen = Math.min(before.disks.length - 1, Math.max(0, before.chosen + news.by));
  return {...state, disks: {...before, chosen: Math.max(0, chosen)}};
}

/** The disks of the highlighted machine, once they are known. */
export function selectedDisks(state: AppState): DisksView | undefined {
  return state.disks?.machineId === selectedMachine(state)?.id ? state.disks : undefined;
}
