/** Requests about snapshots and forks. */
import {describe} from '../../services/fleet.js';
import type {MachineForker} from '../../services/machine-forker.js';
import type {MachineSnapshots} from '../../services/machine-snapshots.js';
import type {Handlers} from '../router.js';

/** See the module. */
export function snapshotHandlers(snapshots: MachineSnapshots, forker: MachineForker) {
  return {
    machineFork: async (params) => {
      const {machine, job} = await forker.fork(params.machine, params.name);
      return {machine: describe(machine), ...(job === undefined ? {} : {job})};
    },
    snapshotCreate: async (params) => ({snapshot: await snapshots.create(params)}),
    snapshotList: async ({machine}) => snapshots.list(machine),
    snapshotRestore: async (params) => {
      const {machine, job} = await snapshots.restore(params);
      return {machine: describe(machine), ...(job === undefined ? {} : {job})};
    },
    snapshotRemove: async ({machine, snapshot}) => ({snapshot: await snapshots.remove(machine, snapshot)}),
  } satisfies Handlers<'machineFork' | 'snapshotCreate' | 'snapshotList' | 'snapshotRestore' | 'snapshotRemove'>;
}
