/**
 * A machine process that has started before its machine is known, and has done all that does not depend on it. It has a
 * folder of its own, where links lead to what its machine needs (see `places.ts`), for as long as it lives:
 *
 *   FOLDER/owner.json   which process it is      FOLDER/machine.log   its messages, later the machine folder's
 *   FOLDER/r, FOLDER/w  the links
 *
 * It is told its launch on its standard input, and ends when that closes without one.
 */
import type {ChildProcess} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {closeSync, openSync} from 'node:fs';
import {mkdir, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {Socket} from 'node:net';
import {join} from 'node:path';
import {identifyProcess, isAlive, type ProcessIdentity} from '../../store/process-identity.js';
import type {ShapeHint} from './groundwork.js';
import type {Launch} from './link.js';
import {type MachineProgram, spareNodeFlags} from './node-flags.js';
import {Places, placeFolders} from './places.js';
import {SPARE_ARGUMENT} from './spare-argument.js';
import {spawnNode} from './spawn-node.js';
import {aheadSocket, SpawnedProcess} from './spawned-process.js';

/** See the module. Dispose it to end one that became no machine. */
export class SpareProcess implements Disposable {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #socketPath: string;
  #isTaken = false;

  private constructor(child: ChildProcess, folder: string, socketPath: string) {
    this.#child = child;
    this.#folder = folder;
    this.#socketPath = socketPath;
    child.once('error', () => undefined);
    child.once('exit', () => void rm(folder, {recursive: true, force: true}).catch(() => undefined));
    // The daemon may end: then its standard input closes.
    child.unref();
    for (const stream of [child.stdin, child.stdout]) if (stream instanceof Socket) stream.unref();
  }

  /** Starts one in a folder below `spares`; `shape` is what its machine will likely be. Errors: system errors pass through */
  static async start(
    program: MachineProgram,
    {spares, runtime}: {readonly spares: string; readonly runtime: string},
    shape: ShapeHint,
  ): Promise<SpareProcess> {
    const tag = `-${randomBytes(4).toString('hex')}`;
    const folder = join(spares, `spare${tag}`);
    const socketPath = aheadSocket(runtime, tag);
    // Before it starts: Node takes the name of what is not there for a file's.
    for (const place of Object.values(placeFolders(folder))) await mkdir(place, {recursive: true, mode: 0o700});
    const log = openSync(join(folder, 'machine.log'), 'w', 0o600);
    try {
      const flags = spareNodeFlags(folder, socketPath, program);
      const args = [...flags, program.program, SPARE_ARGUMENT, folder, JSON.stringify(shape)];
      const child = spawnNode(args, {cwd: folder, stdin: 'pipe', log});
      const owner = child.pid === undefined ? undefined : identifyProcess(child.pid);
      await writeFile(join(folder, 'owner.json'), JSON.stringify(owner ?? {}), {mode: 0o600});
      return new SpareProcess(child, folder, socketPath);
    } finally {
      closeSync(log);
    }
  }

  /** False when it has ended. */
  get isThere(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null && this.#child.pid !== undefined;
  }

  /** Whether a machine can be made of it: shared folders are reached by their own names only. */
  static suits({shares}: Launch): boolean {
    return shares.length === 0;
  }

  /** Has it become the machine of a launch. Errors: system errors pass through */
  async become(launch: Launch): Promise<SpawnedProcess> {
    this.#isTaken = true;
    try {
      const launchPath = join(this.#folder, 'launch.json');
      const told = JSON.stringify({...launch, socketPath: this.#socketPath}, null, 2);
      await Places.of(launch, this.#folder).make();
      await writeFile(launchPath, `${told}\n`, {mode: 0o600});
      const {stdin} = this.#child;
      stdin?.on('error', () => undefined);
      stdin?.end(told);
      const names = {socketPath: this.#socketPath, launchPath, logPath: join(this.#folder, 'machine.log')};
      return new SpawnedProcess(launch, names, this.#child);
    } catch (thrown) {
      this.#child.kill('SIGKILL');
      throw thrown;
    }
  }

  [Symbol.dispose](): void {
    if (!this.#isTaken) this.#child.kill('SIGKILL');
  }
}

/** Removes folders of processes that are gone. Never fails. */
export async function sweepSpares(spares: string): Promise<void> {
  for (const name of await readdir(spares).catch(() => [])) {
    const folder = join(spares, name);
    const owner = await readFile(join(folder, 'owner.json'), 'utf8')
      .then((text) => JSON.parse(text) as Partial<ProcessIdentity>)
      .catch(() => ({}) as Partial<ProcessIdentity>);
    if (owner.pid !== undefined && isAlive({pid: owner.pid, startToken: owner.startToken})) continue;
    await rm(folder, {recursive: true, force: true}).catch(() => undefined);
  }
}
