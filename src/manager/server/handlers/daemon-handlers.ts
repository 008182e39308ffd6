/** Requests about the daemon itself, its jobs, images, events and numbers. */
import {PROTOCOL_VERSION} from '../../protocol/daemon.js';
import {ManagerError} from '../../protocol/errors.js';
import {examineHost} from '../../services/doctor.js';
import {programVersion} from '../../version.js';
import type {Daemon} from '../daemon.js';
import type {Handlers} from '../router.js';

/** See the module. */
export function daemonHandlers(daemon: Daemon) {
  const {fleet, jobs, images, importer, templates, log, metrics, consoles} = daemon.parts;
  return {
    daemonHello: async ({protocolVersion, clientVersion}, connection) => {
      if (protocolVersion !== PROTOCOL_VERSION)
        throw new ManagerError(
          'version-mismatch',
          `The running daemon is Vivarium ${programVersion()} (protocol ${PROTOCOL_VERSION}) and this is ${clientVersion} (protocol ${protocolVersion}).`,
          'Run `viv daemon stop` with the version that started it; machines keep running. Then try again.',
        );
      connection.isGreeted = true;
      return {
        protocolVersion: PROTOCOL_VERSION,
        daemonVersion: programVersion(),
        pid: process.pid,
        bootId: daemon.bootId,
      };
    },
    daemonStatus: async () => daemon.status(),
    sshAccess: async ({guest}, _connection, signal) => daemon.sshAccess(guest, signal),
    daemonStop: async ({machines}) => daemon.stop(machines),
    daemonDoctor: async () => ({checks: await examineHost(daemon.environment)}),
    imageList: async () => ({images: await images.list()}),
    imageBuild: async ({image, isForced}) => ({job: await images.build(image, isForced)}),
    imageFrom: async (params) => templates.make(params),
    imageImport: async (params) => importer.make(params),
    imageRemove: async ({image}) => images.remove(image),
    jobList: async () => ({jobs: jobs.list()}),
    jobCancel: async ({jobId}) => ({job: await jobs.cancel(jobId)}),
    jobWait: async ({jobId}, _connection, signal) => ({job: await jobs.wait(jobId, signal)}),
    metricsHistory: async ({machine, count}) => ({
      machine: machine === undefined ? [] : metrics.machineHistory(fleet.find(machine).id, count),
      host: metrics.hostHistory(count),
    }),
    metricsCurves: async ({machine, spanMs, points}) =>
      metrics.curves(machine === undefined ? undefined : fleet.find(machine).id, spanMs, points),
    eventsSince: async ({seq, machine, limit}) =>
      log.since(seq, machine === undefined ? undefined : fleet.find(machine).id, limit),
    subscribe: async ({topics}, connection) => {
      connection.subscribe(topics);
      const lists = {machines: fleet.list(), jobs: jobs.list(), consoles: consoles.known()};
      return {fleetSeq: fleet.seq, lastEventSeq: log.lastSeq, ...lists};
    },
  } satisfies Handlers<
    | 'daemonHello'
    | 'daemonStatus'
    | 'sshAccess'
    | 'daemonStop'
    | 'daemonDoctor'
    | 'imageList'
    | 'imageBuild'
    | 'imageFrom'
    | 'imageImport'
    | 'imageRemove'
    | 'jobList'
    | 'jobCancel'
    | 'jobWait'
    | 'metricsHistory'
    | 'metricsCurves'
    | 'eventsSince'
    | 'subscribe'
  >;
}
