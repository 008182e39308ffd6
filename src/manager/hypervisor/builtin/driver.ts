/** The default hypervisor driver: our own machine, one Node.js process for each that runs. */
import {type ChildProcess, spawn} from 'node:child_process';
import {closeSync, openSync} from 'node:fs';
import {rm} from 'node:fs/promises';
import {join} from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {ManagerError, toManagerError} from '../../protocol/errors.js';
import type {Boot, Tier} from '../../protocol/machine.js';
import type {Settings} from '../../settings/settings.js';
import {writeFileAtomic} from '../../store/atomic-file.js';
import {identifyProcess, isAlive, type ProcessIdentity} from '../../store/process-identity.js';
import type {
  Capabilities,
  HypervisorDriver,
  LaunchPlan,
  MachineEnd,
  MachineParts,
  RunListener,
  RunningMachine,
  StateMake,
} from '../contract.js';
import {checkMachine} from './check.js';
import {type Launch, LINK_VERSION} from './link.js';
import {machineEnvironment, machineNodeFlags} from './node-flags.js';
import {type ExitStatus, explainEnd} from './obituary.js';
import {ProcessLink, removeSocket} from './process-link.js';
import {checkWholeState, readWholeState} from './saved/whole-state.js';

/** What the driver takes from the settings and from the installation. */
export interface BuiltinDriverOptions {
  readonly runtimeFolder: string;
  /** The bundled machine program; tests put a scripted one here. */
  readonly program: string;
  readonly packageFolder: string;
  readonly scrollbackBytes: number;
  readonly logMaxBytes: number;
  readonly sampleIntervalMs: number;
  readonly startTimeoutMs: number;
  /** What machines run with that do not say it themselves. */
  readonly defaultTier: Tier;
  readonly regions: Settings['regions'];
}

/** See the module. */
export class BuiltinDriver implements HypervisorDriver {
  readonly name = 'builtin';
  readonly capabilities: Capabilities = {refusals: {}};
  readonly #options: BuiltinDriverOptions;

  constructor(options: BuiltinDriverOptions) {
    this.#options = options;
  }

  check(memoryBytes: number, boot: Boot): Promise<void> {
    return checkMachine(memoryBytes, boot);
  }

  async start(plan: LaunchPlan, listener: RunListener, signal: AbortSignal): Promise<RunningMachine> {
    const launch = this.#launch(plan);
    // What an earlier run left must not speak for this one.
    for (const stale of [launch.socketPath, join(plan.folder, 'end.json')]) await rm(stale, {force: true});
    await writeFileAtomic(join(plan.folder, 'launch.json'), `${JSON.stringify(launch, null, 2)}\n`);
    signal.throwIfAborted();
    const child = this.#spawn(launch);
    const exited = new Promise<ExitStatus>((resolve) => {
      child.once('exit', (code, exitSignal) => resolve({code, signal: exitSignal}));
    });
    const timeout = AbortSignal.timeout(this.#options.startTimeoutMs);
    const given = AbortSignal.any([signal, timeout]);
    let isStarted = false;
    // Until the guest runs, the error of `start` is the only news there is.
    const gate: RunListener = {
      onSpawned: (process) => listener.onSpawned(process),
      onReady: () => listener.onReady(),
      onOutput: (offset, bytes) => listener.onOutput(offset, bytes),
      onCounters: (counters) => listener.onCounters(counters),
      onRebooted: () => listener.onRebooted(),
      onHalted: (reason) => listener.onHalted(reason),
      onEnd: (end) => {
        if (isStarted) listener.onEnd(end);
      },
    };
    try {
      await untilListening(child, exited, given, plan.folder);
      const identity = identifyProcess(child.pid ?? 0);
      if (identity === undefined) throw startFailed(explainEnd(plan.folder, await exited, 'It ended'));
      await listener.onSpawned(identity);
      const link = await ProcessLink.open(
        {
          identity,
          folder: plan.folder,
          socketPath: launch.socketPath,
          exited,
          disks: plan.disks,
          shares: launch.shares,
        },
        gate,
      );
      await abortable(link.boot(), given);
      isStarted = true;
      return link;
    } catch (thrown) {
      child.kill('SIGKILL');
      if (signal.aborted) throw new ManagerError('cancelled', 'The start was cancelled.', 'Start it again any time.');
      if (timeout.aborted) throw startFailed({kind: 'crashed', reason: 'it took too long'});
      throw toManagerError(thrown);
    } finally {
      child.stdout?.destroy();
      child.unref();
    }
  }

  async find(
    id: string,
    folder: string,
    process: ProcessIdentity,
    parts: MachineParts,
    listener: RunListener,
  ): Promise<RunningMachine | {readonly end: MachineEnd}> {
    const socketPath = this.#socketPath(id);
    if (!isAlive(process)) {
      await removeSocket(socketPath);
      return {end: explainEnd(folder, undefined, 'The machine process ended while the daemon was away')};
    }
    try {
      const link = await ProcessLink.open({identity: process, folder, socketPath, ...parts}, listener);
      if (!link.isStarted) {
        link.release();
        globalThis.process.kill(process.pid, 'SIGKILL');
        return {end: {kind: 'crashed', reason: 'The daemon ended while it was being started.'}};
      }
      await link.follow().catch((thrown: unknown) => {
        // Its end is told here, and not once more by the link.
        link.release();
        throw thrown;
      });
      return link;
    } catch (thrown) {
      const {message} = toManagerError(thrown);
      return {end: {kind: 'crashed', reason: `Its process ${process.pid} runs but cannot be used: ${message}`}};
    }
  }

  readState(path: string, onProgress?: (done: number, total: number) => void): AsyncIterable<Uint8Array> {
    return readWholeState(path, onProgress);
  }

  checkState(path: string, make: StateMake): Promise<void> {
    return checkWholeState(path, make);
  }

  #socketPath(id: string): string {
    return join(this.#options.runtimeFolder, `${id}.sock`);
  }

  #launch(plan: LaunchPlan): Launch {
    const {defaultTier, regions} = this.#options;
    const {tier = defaultTier, hotThreshold = regions.hotThreshold} = plan.config;
    return {
      linkVersion: LINK_VERSION,
      id: plan.id,
      name: plan.name,
      socketPath: this.#socketPath(plan.id),
      folder: plan.folder,
      memoryBytes: plan.config.memoryBytes,
      hartCount: plan.config.hartCount,
      tier,
      regions: {...regions, hotThreshold},
      boot: plan.boot,
      disks: plan.disks.map(({images, isReadOnly}) => ({images: [...images], isReadOnly})),
      shares: [...(plan.config.shares ?? [])],
      size: plan.size,
      savedPath: plan.savedPath,
      newGuestName: plan.newGuestName,
      scrollbackBytes: this.#options.scrollbackBytes,
      logMaxBytes: this.#options.logMaxBytes,
      sampleIntervalMs: this.#options.sampleIntervalMs,
    };
  }

  #spawn(launch: Launch): ChildProcess {
    const log = openSync(join(launch.folder, 'machine.log'), 'w', 0o600);
    try {
      const {program, packageFolder} = this.#options;
      const launchPath = join(launch.folder, 'launch.json');
      return spawn(process.execPath, [...machineNodeFlags(launch, program, packageFolder), program, launchPath], {
        cwd: launch.folder,
        detached: true,
        env: machineEnvironment(),
        stdio: ['ignore', 'pipe', log],
      });
    } finally {
      closeSync(log);
    }
  }
}

/** The process writes one line when its socket is there. */
async function untilListening(
  child: ChildProcess,
  exited: Promise<ExitStatus>,
  signal: AbortSignal,
  folder: string,
): Promise<void> {
  const ready = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.stdout?.once('data', () => resolve());
  });
  const early = exited.then((exit) => {
    throw startFailed(explainEnd(folder, exit, 'It ended'));
  });
  await abortable(Promise.race([ready, early]), signal);
}

async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, {once: true});
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
    work.catch(() => delay(0));
  }
}

function startFailed(end: MachineEnd): ManagerError {
  const why = end.kind === 'crashed' ? end.reason : 'it powered off at once';
  return new ManagerError(
    'machine-failed',
    `The machine process could not be started: ${why}`,
    'Run `viv doctor` to see what stands in the way.',
  );
}
