/** Requests about snapshots. */
import {describe} from '../../services/fleet.js';
import type {MachineSnapshots} from '../../services/machine-snapshots.js';
import type {Handlers} from '../router.js';

/** See the module. */
export function snapshotHandlers(snapshots: MachineSnapshots) {
  return {
    snapshotCreate: async (params) => ({snapshot: await snapshots.create(params)}),
    snapshotList: async ({machine}) => snapshots.list(machine),
    snapshotRestore: async (params) => {
      const {machine, job} = await snapshots.restore(params);
      return {machine: describe(machine), ...(job === undefined ? {} : {job})};
    },
    snapshotRemove: async ({machine, snapshot}) => ({snapshot: await snapshots.remove(machine, snapshot)}),
  } satisfies Handlers<'snapshotCreate' | 'snapshotList' | 'snapshotRestore' | 'snapshotRemove'>;
}
