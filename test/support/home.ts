/** A fresh home for the whole program: own folders, own daemon, and commands run as a user would run them. */
import {type ChildProcess, spawn} from 'node:child_process';
import {mkdir, mkdtemp, rm, symlink, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {builtDebianMini, testImageCache} from './debian-mini.js';
import {processesNaming} from './processes.js';
import {TerminalSession} from './terminal.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** A finished command. `output` is standard output as it came. */
export interface CommandResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly output: Uint8Array;
}

/** A command under way. */
export interface RunningCommand {
  readonly child: ChildProcess;
  readonly result: Promise<CommandResult>;
}

/** See the module. Disposing it ends the daemon, its machines and removes the folders. */
export class Home implements AsyncDisposable {
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;

  private constructor(folder: string) {
    this.folder = folder;
    this.environment = {
      HOME: folder,
      XDG_CONFIG_HOME: join(folder, 'config'),
      VIVARIUM_HOME: join(folder, 'viv'),
      VIVARIUM_RUNTIME: join(folder, 'run'),
    };
  }

  /** `settings` override single values, as in daemon.json. Without any for `timeline` and `ssh`, neither is there. */
  static async create(settings: Record<string, Record<string, unknown>> = {}): Promise<Home> {
    const home = new Home(await mkdtemp(join(tmpdir(), 'viv-home-')));
    await mkdir(join(home.folder, 'viv'));
    const overrides = {timeline: {isEnabled: false}, ssh: {isEnabled: false}, ...settings};
    await writeFile(join(home.folder, 'viv/daemon.json'), JSON.stringify(overrides));
    return home;
  }

  /** A home in which debian-mini is ready: it uses the cache that all tests share. */
  static async createWithImage(settings: Record<string, Record<string, unknown>> = {}): Promise<Home> {
    await builtDebianMini();
    const home = await Home.create(settings);
    await symlink(testImageCache, join(home.folder, 'viv/cache'));
    return home;
  }

  /** Runs `viv` without a terminal and waits for its end. `env` overrides single variables. */
  viv(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    input: string | Uint8Array = '',
  ): Promise<CommandResult> {
    return this.start(args, env, input).result;
  }

  /** Starts `viv` without a terminal. */
  start(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    input: string | Uint8Array = '',
  ): RunningCommand {
    const child = spawn(process.execPath, [join(root, 'bin/viv'), ...args], {
      env: {...process.env, ...this.environment, ...env},
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const result = new Promise<CommandResult>((resolve, reject) => {
      const chunks: Buffer[] = [];
      let stderr = '';
      child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        stderr += text;
      });
      child.on('error', reject);
      child.on('close', (status) => {
        const output = Buffer.concat(chunks);
        resolve({status, stdout: output.toString('utf8'), stderr, output});
      });
    });
    // A command that ends without reading its input closes the pipe first.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    return {child, result};
  }

  /** Opens `viv` at a terminal. */
  open(
    args: readonly string[] = [],
    size: {columns: number; rows: number} = {columns: 120, rows: 35},
  ): TerminalSession {
    return new TerminalSession({
      command: process.execPath,
      args: [join(root, 'bin/viv'), ...args],
      env: this.environment,
      ...size,
    });
  }

  /** Process ids of everything that was started in this home and is still there. */
  processes(): Promise<number[]> {
    return processesNaming(this.folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.viv(['daemon', 'stop', '--machines', 'kill']);
    // A helper of apt that was just ended may still write a last file.
    await rm(this.folder, {recursive: true, force: true, maxRetries: 10, retryDelay: 100});
  }
}
