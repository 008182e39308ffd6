/** A fresh home for the whole program: own folders, own daemon, and commands run as a user would run them. */
import {spawn} from 'node:child_process';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {TerminalSession} from './terminal.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** A finished command. */
export interface CommandResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
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

  static async create(): Promise<Home> {
    return new Home(await mkdtemp(join(tmpdir(), 'viv-home-')));
  }

  /** Runs `viv` without a terminal and waits for its end. `env` overrides single variables. */
  viv(args: readonly string[], env: Readonly<Record<string, string>> = {}, input = ''): Promise<CommandResult> {
    const child = spawn(process.execPath, [join(root, 'bin/viv'), ...args], {
      env: {...process.env, ...this.environment, ...env},
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    return new Promise((resolve, reject) => {
      let stdout = '';
      let stderr = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        stdout += text;
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        stderr += text;
      });
      child.on('error', reject);
      child.on('close', (status) => resolve({status, stdout, stderr}));
      // A command that ends without reading its input closes the pipe first.
      child.stdin.on('error', () => undefined);
      child.stdin.end(input);
    });
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

  async [Symbol.asyncDispose](): Promise<void> {
    await this.viv(['daemon', 'stop', '--machines', 'kill']);
    await rm(this.folder, {recursive: true, force: true});
  }
}
