/** The daemon: its services put together, its start and its end. */
import {randomUUID} from 'node:crypto';
import {openBuiltinDriver} from '../hypervisor/builtin/open-driver.js';
import {openPseudoTerminal} from '../hypervisor/builtin/pseudo-terminal.js';
import {hasProcess} from '../machine/lifecycle.js';
import {findPaths, type Paths, secureRuntimeFolder} from '../paths.js';
import {consoleActive} from '../protocol/console.js';
import type {daemonStop} from '../protocol/daemon.js';
import type {ParamsOutput} from '../protocol/define.js';
import {ManagerError, toManagerError} from '../protocol/errors.js';
import {eventHappened} from '../protocol/events.js';
import {jobFinished, jobProgressed} from '../protocol/job.js';
import {machineChanged, machineRemoved} from '../protocol/machine.js';
import {metricsSampled} from '../protocol/metrics.js';
import {timelineChanged} from '../protocol/timeline.js';
import {AgentService} from '../services/agent-service.js';
import {ConsoleHub} from '../services/console-hub.js';
import {DiskReports} from '../services/disk-reports.js';
import {EventLog} from '../services/event-log.js';
import {Fleet} from '../services/fleet.js';
import {GuestStreams} from '../services/guest-streams.js';
import {HistoryKeeper} from '../services/history-keeper.js';
import {ImageImporter} from '../services/image-importer.js';
import {ImageService, openImageStore} from '../services/image-service.js';
import {JobService} from '../services/job-service.js';
import {MachineDefiner} from '../services/machine-definer.js';
import {MachineEditor} from '../services/machine-editor.js';
import {MachineEgress} from '../services/machine-egress.js';
import {MachineForker} from '../services/machine-forker.js';
import {MachineForwards} from '../services/machine-forwards.js';
import {MachineInstaller} from '../services/machine-installer.js';
import {MachineLayers} from '../services/machine-layers.js';
import {MachinePacker} from '../services/machine-packer.js';
import {MachineRunner} from '../services/machine-runner.js';
import {MachineSaver} from '../services/machine-saver.js';
import {MachineSnapshots} from '../services/machine-snapshots.js';
import {MachineTemplates} from '../services/machine-templates.js';
import {MachineUndo} from '../services/machine-undo.js';
import {MachineUnpacker} from '../services/machine-unpacker.js';
import {MetricsService} from '../services/metrics-service.js';
import {NetworkService} from '../services/network-service.js';
import {NetworkSiblings} from '../services/network-siblings.js';
import {SnapshotFiles} from '../services/snapshot-files.js';
import {TimelineService} from '../services/timeline.js';
import {Turns} from '../services/turns.js';
import {Volumes} from '../services/volumes.js';
import {loadSettings, type Settings} from '../settings/settings.js';
import {readGuestKeys} from '../ssh/guest-keys.js';
import {SshServer} from '../ssh/ssh-server.js';
import {ImageLocks} from '../store/image-locks.js';
import {acquireLock, type LockFile} from '../store/lock-file.js';
import {MachineStore} from '../store/machine-store.js';
import {TemplateStore} from '../store/template-store.js';
import {UndoStore} from '../store/undo-store.js';
import {programVersion} from '../version.js';
import {agentHandlers} from './handlers/agent-handlers.js';
import {consoleHandlers} from './handlers/console-handlers.js';
import {daemonHandlers} from './handlers/daemon-handlers.js';
import {machineHandlers} from './handlers/machine-handlers.js';
import {networkHandlers} from './handlers/network-handlers.js';
import {snapshotFileHandlers} from './handlers/snapshot-file-handlers.js';
import {snapshotHandlers} from './handlers/snapshot-handlers.js';
import {timelineHandlers} from './handlers/timeline-handlers.js';
import {Server} from './server.js';

/** The services, made once. */
export interface DaemonParts {
  readonly fleet: Fleet;
  readonly jobs: JobService;
  readonly images: ImageService;
  readonly log: EventLog;
  readonly metrics: MetricsService;
  readonly history: HistoryKeeper;
  readonly consoles: ConsoleHub;
  readonly agents: AgentService;
  readonly definer: MachineDefiner;
  readonly editor: MachineEditor;
  readonly diskReports: DiskReports;
  readonly runner: MachineRunner;
  readonly saver: MachineSaver;
  readonly snapshots: MachineSnapshots;
  readonly forker: MachineForker;
  readonly undo: MachineUndo;
  readonly timeline: TimelineService;
  readonly forwards: MachineForwards;
  readonly egress: MachineEgress;
  readonly networks: NetworkService;
  readonly siblings: NetworkSiblings;
  readonly snapshotFiles: SnapshotFiles;
  readonly templates: MachineTemplates;
  readonly importer: ImageImporter;
}

/** See the module. */
export class Daemon {
  readonly bootId = randomUUID();
  readonly parts: DaemonParts;
  readonly environment: NodeJS.ProcessEnv;
  readonly #paths: Paths;
  readonly #onSignal: Settings['machines']['onSignal'];
  readonly #lock: LockFile;
  readonly #server: Server;
  readonly #ssh: SshServer;
  readonly #startedAtMs = Date.now();
  readonly #ended = Promise.withResolvers<void>();
  #isEnding = false;

  private constructor(
    environment: NodeJS.ProcessEnv,
    paths: Paths,
    lock: LockFile,
    parts: DaemonParts,
    settings: Settings,
  ) {
    this.environment = environment;
    this.parts = parts;
    this.#paths = paths;
    this.#lock = lock;
    this.#onSignal = settings.machines.onSignal;
    const {fleet, agents, consoles, snapshots, forker, undo, timeline, snapshotFiles, forwards, egress, networks} =
      parts;
    this.#ssh = new SshServer({
      settings: settings.ssh,
      folder: paths.ssh,
      authorizedFile: paths.authorizedKeys,
      fleet,
      consoles,
      agents,
      streams: new GuestStreams(fleet),
      environment,
    });
    this.#server = new Server({
      socketPath: paths.socket,
      bounds: settings.server,
      maxClients: settings.server.maxClients,
      handlers: {
        ...machineHandlers(parts),
        ...snapshotHandlers(snapshots, forker, undo),
        ...timelineHandlers(timeline),
        ...networkHandlers(forwards, egress, networks),
        ...snapshotFileHandlers(snapshotFiles),
        ...agentHandlers(agents),
        ...consoleHandlers(fleet, consoles),
        ...daemonHandlers(this),
      },
      onViewerGone: (viewerId) => consoles.detach(viewerId),
      onViewerDrained: (viewerId) => consoles.viewed(viewerId).pull(viewerId),
    });
  }

  /**
   * Takes the lock, finds the machines that still run, and listens.
   * Errors: daemon-already-running, runtime-folder-unsafe, path-too-long, bad-setting, storage-failed
   */
  static async start(environment: NodeJS.ProcessEnv): Promise<Daemon> {
    const paths = findPaths(environment);
    secureRuntimeFolder(paths.runtime);
    const lock = acquireLock(paths.daemonLock);
    if ('heldBy' in lock)
      throw new ManagerError(
        'daemon-already-running',
        `A daemon is running already${lock.heldBy > 0 ? ` (process ${lock.heldBy})` : ''}.`,
        'Use it, or end it with `viv daemon stop`.',
      );
    try {
      const settings = await loadSettings(paths.settings);
      const store = new MachineStore(paths);
      await store.open();
      const parts = await assemble(environment, paths, settings, store);
      const daemon = new Daemon(environment, paths, lock, parts, settings);
      daemon.#connectNotifications();
      await daemon.#recover(store);
      await daemon.#server.listen();
      await daemon.#ssh.listen();
      parts.log.record('daemon-started', `The daemon ${programVersion()} was started.`);
      return daemon;
    } catch (thrown) {
      lock[Symbol.dispose]();
      throw thrown;
    }
  }

  /** Resolves when the daemon has been asked to end and has let go of everything. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  status() {
    const machines = this.parts.fleet.all();
    return {
      pid: process.pid,
      version: programVersion(),
      startedAtMs: this.#startedAtMs,
      socketPath: this.#paths.socket,
      homeFolder: this.#paths.home,
      logPath: this.#paths.daemonLog,
      machineCount: machines.length,
      runningCount: this.#running().length,
      clientCount: this.#server.clientCount,
      residentBytes: process.memoryUsage.rss(),
      ssh: this.#ssh.status,
    };
  }

  /** See `sshAccess`. */
  sshAccess(guest: string | undefined, signal: AbortSignal) {
    return this.#ssh.access(guest, signal);
  }

  /** Ends the daemon; see `daemonStop`. Errors: shutdown-timeout, and then it runs on */
  async stop(machines: ParamsOutput<typeof daemonStop>['machines']): Promise<{stillRunning: number}> {
    const {runner, saver} = this.parts;
    if (machines === 'save')
      // All are tried before the first failure is told.
      for (const saved of await Promise.allSettled(
        this.#running().map(({id, state}) => (state === 'starting' ? runner.kill(id) : saver.save(id))),
      ))
        if (saved.status === 'rejected') throw saved.reason;
    if (machines === 'kill') await Promise.all(this.#running().map(({id}) => runner.kill(id)));
    if (machines === 'shutdown')
      await Promise.all(
        this.#running().map(async ({id, state}) => {
          if (state === 'paused') await runner.resume(id);
          await (state === 'starting' ? runner.kill(id) : runner.shutdown(id));
        }),
      );
    const stillRunning = this.#running().length;
    // After the answer has been written.
    setImmediate(() => void this.#end());
    return {stillRunning};
  }

  /** Ends the daemon as the settings say for SIGTERM; machines that cannot be saved run on as long as they may. */
  async stopBySignal(): Promise<void> {
    try {
      await this.stop(this.#onSignal);
    } catch (thrown) {
      const {message} = toManagerError(thrown);
      console.error(`on SIGTERM: ${message}`);
      await this.stop('keep');
    }
  }

  #running() {
    return this.parts.fleet.all().filter(({state}) => hasProcess(state));
  }

  async #end(): Promise<void> {
    if (this.#isEnding) return;
    this.#isEnding = true;
    const {jobs, runner, saver, consoles, metrics, history, log, timeline} = this.parts;
    log.record('daemon-stopped', 'The daemon was stopped.');
    this.#ssh[Symbol.dispose]();
    this.#server.close();
    await jobs.close();
    const idle = timeline[Symbol.asyncDispose]();
    await saver.settled();
    await idle;
    await runner.release();
    await consoles.close();
    metrics[Symbol.dispose]();
    await history[Symbol.asyncDispose]();
    this.parts.siblings[Symbol.dispose]();
    await log[Symbol.asyncDispose]();
    this.#lock[Symbol.dispose]();
    this.#ended.resolve();
  }

  async #recover(store: MachineStore): Promise<void> {
    const {definer, runner, log, history} = this.parts;
    const stored = await store.list();
    await history.load(stored.map(({id}) => id));
    await Promise.all(
      stored.map(async (entry) => {
        const machine = definer.adopt(entry);
        if (entry.lifeProblem !== undefined) log.record('machine-broken', entry.lifeProblem, machine);
        if (machine.state === 'broken') log.record('machine-broken', machine.reason ?? '', machine);
        else await runner.recover(machine, entry.life);
      }),
    );
  }

  #connectNotifications(): void {
    const {fleet, jobs, log, metrics, snapshots, consoles} = this.parts;
    const server = this.#server;
    fleet.events.on('changed', (seq, machine) => server.broadcast('fleet', machineChanged, {seq, machine}));
    fleet.events.on('removed', (seq, id) => server.broadcast('fleet', machineRemoved, {seq, id}));
    jobs.events.on('progressed', (job) => server.broadcast('jobs', jobProgressed, {job}));
    jobs.events.on('finished', (job) => server.broadcast('jobs', jobFinished, {job}));
    log.events.on('happened', (event) => server.broadcast('events', eventHappened, {event}));
    snapshots.events.on('changed', (machineId) => server.broadcast('snapshots', timelineChanged, {machineId}));
    metrics.events.on('sampled', (sample) => server.broadcast('metrics', metricsSampled, sample));
    consoles.events.on('active', (active) => server.broadcast('consoles', consoleActive, {consoles: active}));
  }
}

async function assemble(
  environment: NodeJS.ProcessEnv,
  paths: Paths,
  settings: Settings,
  store: MachineStore,
): Promise<DaemonParts> {
  const log = await EventLog.open(paths.events, settings.events.keptCount);
  const jobs = new JobService(settings.jobs.keptCount);
  const metrics = new MetricsService(settings.metrics.intervalMs);
  const consoles = new ConsoleHub(settings.console, (id) => store.folder(id), openPseudoTerminal);
  const templates = new TemplateStore(paths.templates);
  await templates.sweep();
  const driver = openBuiltinDriver(environment, paths, settings, settings.machines.spareIdleMs);
  const images = new ImageService(
    openImageStore(paths, settings, async () => driver),
    templates,
    jobs,
    log,
    settings.machines,
  );
  const fleet = new Fleet();
  const locks = new ImageLocks(paths.imageLocks);
  locks.sweep();
  const volumes = new Volumes(settings.disks, locks);
  const layers = new MachineLayers({fleet, store, volumes});
  const keysFor = (name: string) => readGuestKeys(environment, paths, name);
  const installer = new MachineInstaller({fleet, store, layers, volumes, keysFor, log});
  const shared = {fleet, store, images, volumes, installer, consoles, metrics, log, settings: settings.machines};
  const definer = new MachineDefiner({...shared, driver, keysFor, privateFolders: [paths.home, paths.runtime]});
  const definitionTurns = new Turns();
  const editor = new MachineEditor({...shared, definitionTurns});
  const runner = new MachineRunner({...shared, jobs});
  const saver = new MachineSaver({...shared, runner, layers});
  const snapshots = new MachineSnapshots({...shared, runner, layers, saver});
  const packer = new MachinePacker({...shared, layers});
  const unpacker = new MachineUnpacker({driver, definer, layers});
  const files = {...shared, jobs, saver, snapshots, packer, unpacker, machinesFolder: paths.machines};
  const made = {...files, templates, layers, definer};
  return {
    fleet,
    jobs,
    images,
    log,
    metrics,
    history: new HistoryKeeper(paths.history, metrics),
    consoles,
    agents: new AgentService(fleet),
    definer,
    editor,
    diskReports: new DiskReports(shared),
    runner,
    saver,
    snapshots,
    undo: new MachineUndo({fleet, definer, editor, runner, saver, snapshots, undo: new UndoStore(paths.undo)}),
    forker: new MachineForker({...shared, definer, runner, layers, saver, snapshots}),
    forwards: new MachineForwards({...shared, definitionTurns}),
    egress: new MachineEgress({...shared, definitionTurns}),
    networks: new NetworkService(fleet),
    siblings: new NetworkSiblings(fleet),
    timeline: new TimelineService({...shared, saver, snapshots, layers, timeline: settings.timeline}),
    snapshotFiles: new SnapshotFiles(files),
    templates: new MachineTemplates(made),
    importer: new ImageImporter({...shared, templates, jobs, driver}),
  };
}
