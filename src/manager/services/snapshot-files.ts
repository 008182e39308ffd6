/** Snapshots as files that restore on other hosts: writes them, and makes machines of them. Both are jobs. */
import {randomUUID} from 'node:crypto';
import {stat, statfs} from 'node:fs/promises';
import {basename, dirname, isAbsolute} from 'node:path';
import {ArchiveReader} from '../archive/archive-reader.js';
import {ArchiveWriter, refuseExisting} from '../archive/archive-writer.js';
import {checkMachineName} from '../machine/machine-name.js';
import type {ParamsOutput} from '../protocol/define.js';
import {ManagerError} from '../protocol/errors.js';
import type {Job} from '../protocol/job.js';
import type {snapshotExport, snapshotImport} from '../protocol/snapshot-file.js';
import type {EventLog} from './event-log.js';
import type {Fleet, FleetMachine} from './fleet.js';
import type {JobService, JobWork} from './job-service.js';
import type {MachinePacker, PinnedMachine} from './machine-packer.js';
import type {MachineSaver} from './machine-saver.js';
import type {MachineSnapshots} from './machine-snapshots.js';
import type {MachineUnpacker} from './machine-unpacker.js';
import {pacedReport} from './paced-report.js';

/** What it works with. */
export interface SnapshotFileParts {
  readonly fleet: Fleet;
  readonly jobs: JobService;
  readonly saver: MachineSaver;
  readonly snapshots: MachineSnapshots;
  readonly packer: MachinePacker;
  readonly unpacker: MachineUnpacker;
  readonly machinesFolder: string;
  readonly log: EventLog;
}

/** See the module. */
export class SnapshotFiles {
  readonly #parts: SnapshotFileParts;

  constructor(parts: SnapshotFileParts) {
    this.#parts = parts;
  }

  /** See `snapshotExport` for the errors. */
  async export({machine: reference, snapshot: wanted, path}: ParamsOutput<typeof snapshotExport>): Promise<Job> {
    const {saver, jobs, packer, log} = this.#parts;
    await checkTarget(path);
    if (
      jobs
        .list()
        .some(({kind, subject, state}) => kind === 'snapshot-export' && subject === path && state === 'running')
    )
      throw new ManagerError('bad-request', `${path} is being written already.`, 'Choose another path.');
    const {machine, pinned} = await saver.inTurn(reference, () => this.#pin(reference, wanted));
    const work: JobWork = async (signal, report) => {
      try {
        await using writer = await ArchiveWriter.create(path, pinned.draft);
        await packer.pack(pinned, writer, 'viv snapshot export', {signal, report: pacedReport(report)});
        signal.throwIfAborted();
        await writer.finish();
        log.record('snapshot-exported', `The snapshot ${wanted} of ${machine.name} was exported to ${path}.`, machine);
      } finally {
        await packer.release(pinned, machine, this.#parts);
      }
    };
    return jobs.start('snapshot-export', path, work, randomUUID());
  }

  /** See `snapshotImport` for the errors. */
  async import({path, name}: ParamsOutput<typeof snapshotImport>): Promise<{job: Job; machineId: string}> {
    const {jobs, unpacker, log} = this.#parts;
    if (!isAbsolute(path)) throw notAbsolute(path);
    if (name !== undefined) checkMachineName(name);
    // What it is not is told at once.
    await (await ArchiveReader.open(path))[Symbol.asyncDispose]();
    const machineId = randomUUID();
    const work: JobWork = async (signal, report) => {
      const paced = pacedReport(report);
      await using archive = await ArchiveReader.open(path);
      const {manifest, partBytes} = archive;
      if (manifest.state === undefined)
        throw new ManagerError('bad-snapshot', `${path} holds no snapshot.`, 'Export one: viv snapshot export');
      await this.#checkRoom(path, partBytes);
      const machine = await unpacker.unpack({
        ...{id: machineId, manifest, name, where: path, uses: 'snapshot', signal},
        provide: (targets) =>
          archive.unpack(targets, {
            signal,
            onProgress: (done, total) => paced('unpacking', done, total),
          }),
      });
      const what = `${machine.name} was made of the snapshot ${manifest.state.name} in ${basename(path)}.`;
      log.record('snapshot-imported', what, machine);
    };
    return {job: jobs.start('snapshot-import', path, work, machineId), machineId};
  }

  async #pin(
    reference: string,
    wanted: string,
  ): Promise<{readonly machine: FleetMachine; readonly pinned: PinnedMachine}> {
    const {fleet, snapshots, packer} = this.#parts;
    const machine = fleet.findFor('rename', reference);
    return {machine, pinned: await packer.pinSnapshot(machine, await snapshots.find(machine, wanted))};
  }

  /** Refuses what cannot fit, before minutes go into it. */
  async #checkRoom(path: string, neededBytes: number): Promise<void> {
    const {bavail, bsize} = await statfs(this.#parts.machinesFolder);
    if (neededBytes <= bavail * bsize) return;
    const mebibytes = (bytes: number) => `${Math.floor(bytes / 2 ** 20)} MiB`;
    throw new ManagerError(
      'disk-full',
      `${path} needs ${mebibytes(neededBytes)}, and the disk has ${mebibytes(bavail * bsize)} left.`,
      'Free some space and try again.',
    );
  }
}

/** Errors: bad-request, file-not-found */
async function checkTarget(path: string): Promise<void> {
  if (!isAbsolute(path)) throw notAbsolute(path);
  await refuseExisting(path);
  const folder = await stat(dirname(path)).catch(() => undefined);
  if (folder?.isDirectory()) return;
  throw new ManagerError('file-not-found', `There is no folder ${dirname(path)}.`, 'Make it, or choose another path.');
}

function notAbsolute(path: string): ManagerError {
  return new ManagerError('bad-request', `The path ${path} is not absolute.`, 'Give a full path.');
}
