/** Requests about snapshots, forks and clones. */
import {describe} from '../../services/fleet.js';
import type {MachineForker} from '../../services/machine-forker.js';
import type {MachineSnapshots, Restored} from '../../services/machine-snapshots.js';
import type {MachineUndo} from '../../services/machine-undo.js';
import type {Handlers} from '../router.js';

/** See the module. */
export function snapshotHandlers(snapshots: MachineSnapshots, forker: MachineForker, undo: MachineUndo) {
  return {
    machineFork: async (params) => {
      const {machine, job} = await forker.fork(params.machine, params.name, params.snapshot);
      return {machine: describe(machine), ...(job === undefined ? {} : {job})};
    },
    machineClone: async (params) => ({machine: describe(await forker.clone(params.machine, params.name))}),
    machineRewind: async (params) => answer(await undo.restored(snapshots.rewind(params))),
    snapshotCreate: async (params) => ({snapshot: await snapshots.create(params)}),
    snapshotList: async ({machine}) => snapshots.list(machine),
    snapshotScreen: async ({machine, snapshot}) => snapshots.screen(machine, snapshot),
    snapshotKeep: async (params) => ({snapshot: await snapshots.keep(params)}),
    snapshotRestore: async (params) => answer(await undo.restored(snapshots.restore(params))),
    snapshotRemove: async ({machine, snapshot}) => ({snapshot: await snapshots.remove(machine, snapshot)}),
  } satisfies Handlers<
    | 'machineFork'
    | 'machineClone'
    | 'machineRewind'
    | 'snapshotCreate'
    | 'snapshotList'
    | 'snapshotScreen'
    | 'snapshotKeep'
    | 'snapshotRestore'
    | 'snapshotRemove'
  >;
}

function answer({machine, job, snapshot, undo}: Restored) {
  return {
    machine: describe(machine),
    snapshot,
    ...(job === undefined ? {} : {job}),
    ...(undo === undefined ? {} : {undo}),
  };
}
