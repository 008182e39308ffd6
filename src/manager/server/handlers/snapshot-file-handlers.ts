/** Requests about snapshots as files. */
import type {SnapshotFiles} from '../../services/snapshot-files.js';
import type {Handlers} from '../router.js';

/** See the module. */
export function snapshotFileHandlers(files: SnapshotFiles) {
  return {
    snapshotExport: async (params) => ({job: await files.export(params)}),
    snapshotImport: async (params) => files.import(params),
  } satisfies Handlers<'snapshotExport' | 'snapshotImport'>;
}
