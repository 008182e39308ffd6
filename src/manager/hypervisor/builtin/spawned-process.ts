/**
 * A machine process from its birth until its machine is linked. One that is started ahead of its time, while the one
 * before still runs, has names of its own for socket, launch file and messages, and takes over the usual ones later:
 *
 *   ahead:  ahead-TAG.sock, launch-TAG.json, machine-TAG.log  ──take over──▶  ID.sock, launch.json, machine.log
 */
import type {ChildProcess} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {closeSync, openSync} from 'node:fs';
import {rename, rm} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {ManagerError} from '../../protocol/errors.js';
import {writeFileAtomic} from '../../store/atomic-file.js';
import {identifyProcess, type ProcessIdentity} from '../../store/process-identity.js';
import {untilAborted} from '../../until-aborted.js';
import type {MachineEnd} from '../contract.js';
import type {Launch} from './link.js';
import {type MachineProgram, machineNodeFlags} from './node-flags.js';
import {type ExitStatus, explainEnd} from './obituary.js';
import {spawnNode} from './spawn-node.js';

/** Files by which a process is known. */
export interface ProcessNames {
  readonly socketPath: string;
  readonly launchPath: string;
  readonly logPath: string;
}

/** See the module. Dispose it to end a process whose machine was not linked. */
export class SpawnedProcess implements Disposable {
  readonly launch: Launch;
  readonly exited: Promise<ExitStatus>;
  readonly #child: ChildProcess;
  /** Its own names, each with the usual one that it takes over. */
  readonly #renames: readonly (readonly [string, string])[];
  readonly #ready: Promise<void>;
  #isLinked = false;

  /** A process that was started, or told, to become the machine of a launch, under these names. */
  constructor(launch: Launch, names: ProcessNames, child: ChildProcess) {
    this.launch = launch;
    const usual = namesOf(launch, '');
    this.#renames = (['launchPath', 'logPath', 'socketPath'] as const)
      .map((name) => [names[name], usual[name]] as const)
      .filter(([own, other]) => own !== other);
    this.#child = child;
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve({code, signal}));
    });
    // The process writes one line when its socket is there.
    this.#ready = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.stdout?.once('data', () => resolve());
    });
    this.#ready.catch(() => undefined);
  }

  /** Errors: system errors of writing the launch file pass through */
  static async start(launch: Launch, program: MachineProgram, isAhead = false): Promise<SpawnedProcess> {
    const tag = isAhead ? `-${randomBytes(4).toString('hex')}` : '';
    const names = namesOf(launch, tag);
    const own = {...launch, socketPath: names.socketPath};
    // What an earlier run left must not speak for this one.
    await rm(names.socketPath, {force: true});
    await writeFileAtomic(names.launchPath, `${JSON.stringify(own, null, 2)}\n`);
    const log = openSync(names.logPath, 'w', 0o600);
    try {
      const flags = machineNodeFlags(own, program);
      const place = {cwd: launch.folder, stdin: 'ignore', log} as const;
      const child = spawnNode([...flags, program.program, names.launchPath], place);
      return new SpawnedProcess(launch, names, child);
    } finally {
      closeSync(log);
    }
  }

  /** Whether it is what would be started for a launch now. */
  fits(launch: Launch): boolean {
    // Of states that were written since it knows nothing, and checks them.
    const {soundStates} = launch;
    return (
      JSON.stringify({...this.launch, soundStates}) === JSON.stringify({...launch, soundStates}) &&
      this.#child.exitCode === null
    );
  }

  /** Resolves when it listens, under the usual names. Errors: machine-failed */
  async listening(signal: AbortSignal): Promise<ProcessIdentity> {
    const {folder} = this.launch;
    const early = this.exited.then((exit) => {
      throw startFailed(explainEnd(folder, exit, 'It ended'));
    });
    early.catch(() => undefined);
    const takeOver = async () => {
      await rm(join(folder, 'end.json'), {force: true});
      await this.#ready;
      for (const [own, usual] of this.#renames) await rename(own, usual);
    };
    await untilAborted(Promise.race([takeOver(), early]), signal);
    const identity = identifyProcess(this.#child.pid ?? 0);
    if (identity === undefined) throw startFailed(explainEnd(folder, await this.exited, 'It ended'));
    return identity;
  }

  /** Its end is told by its link from now on. */
  linked(): void {
    this.#isLinked = true;
    this.#letGo();
  }

  [Symbol.dispose](): void {
    if (this.#isLinked) return;
    this.#child.kill('SIGKILL');
    this.#letGo();
    for (const [own] of this.#renames) rm(own, {force: true}).catch(() => undefined);
  }

  #letGo(): void {
    this.#child.stdout?.destroy();
    this.#child.unref();
  }
}

function namesOf({folder, socketPath}: Launch, tag: string): ProcessNames {
  return {
    socketPath: tag === '' ? socketPath : aheadSocket(dirname(socketPath), tag),
    launchPath: join(folder, `launch${tag}.json`),
    logPath: join(folder, `machine${tag}.log`),
  };
}

/** No longer than a machine's, which just fits. */
export function aheadSocket(runtimeFolder: string, tag: string): string {
  return join(runtimeFolder, `ahead${tag}.sock`);
}

/** A process that ended, or whose start took too long. */
export function startFailed(end: MachineEnd): ManagerError {
  const why = end.kind === 'crashed' ? end.reason : 'it powered off at once';
  return new ManagerError(
    'machine-failed',
    `The machine process could not be started: ${why}`,
    'Run `viv doctor` to see what stands in the way.',
  );
}
