/** A real daemon process in folders of its own, with machines that follow a script (or real ones when asked). */
import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Client, type ConnectOptions, ConsoleSession, type ConsoleSessionOptions} from '../../src/manager/client.js';
import {findPaths, type Paths} from '../../src/manager/paths.js';
import {daemonStop} from '../../src/manager/protocol/daemon.js';
import {eventsSince, subscribe} from '../../src/manager/protocol/events.js';
import {type Machine, machineChanged, machineCreate, machineStart} from '../../src/manager/protocol/machine.js';
import {identifyProcess, isAlive} from '../../src/manager/store/process-identity.js';
import {bundleOfRun} from './run-bundle.js';

/** Bundles the scripted machine once per test run; answers with its path. */
export function bundleScriptedMachine(): Promise<string> {
  return bundleOfRun('scripted-machine.ts', {
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    external: ['node-pty'],
    banner: {js: "import {createRequire as __cr} from 'node:module';const require=__cr(import.meta.url);"},
  });
}

/** What a test daemon is made of. */
export interface TestDaemonOptions {
  /** Real machine processes instead of scripted ones. */
  readonly isReal?: boolean;
  /** Another program in place of the machine process's. */
  readonly machineProgram?: string;
  /** Overrides of single settings, as in daemon.json. Without any for `timeline` and `ssh`, neither is there. */
  readonly settings?: Record<string, Record<string, unknown>>;
}

/** A home with a daemon that starts with the first client. Disposing it ends daemon and machines. */
export class TestDaemon implements AsyncDisposable {
  readonly environment: NodeJS.ProcessEnv;
  readonly folder: string;
  readonly paths: Paths;
  readonly #clients: Client[] = [];

  private constructor(folder: string, environment: NodeJS.ProcessEnv) {
    this.folder = folder;
    this.environment = environment;
    this.paths = findPaths(environment);
  }

  static async create(options: TestDaemonOptions = {}): Promise<TestDaemon> {
    const folder = await mkdtemp(join(tmpdir(), 'viv-'));
    const environment: NodeJS.ProcessEnv = {
      ...process.env,
      VIVARIUM_HOME: join(folder, 'home'),
      VIVARIUM_RUNTIME: join(folder, 'run'),
      ...(options.isReal ? {} : {VIVARIUM_MACHINE_PROGRAM: options.machineProgram ?? (await bundleScriptedMachine())}),
    };
    const daemon = new TestDaemon(folder, environment);
    await writeFile(join(folder, 'kernel'), scriptedKernel('run'));
    await mkdir(daemon.paths.home, {recursive: true});
    await writeFile(
      daemon.paths.settings,
      JSON.stringify({timeline: {isEnabled: false}, ssh: {isEnabled: false}, ...options.settings}),
    );
    return daemon;
  }

  /** A client; starts the daemon when there is none. */
  async connect(options: ConnectOptions = {}): Promise<Client> {
    const client = await Client.connect({startsDaemon: true, environment: this.environment, ...options});
    this.#clients.push(client);
    return client;
  }

  /** Writes a file of the test's and answers with its path. */
  async file(name: string, content: string | Uint8Array): Promise<string> {
    const path = join(this.folder, name);
    await writeFile(path, content);
    return path;
  }

  /** Defines a machine that "boots" the given kernel file. */
  async define(client: Client, name: string, kernel = 'kernel'): Promise<Machine> {
    const boot = {kind: 'linux' as const, kernelPath: join(this.folder, kernel)};
    return (await client.request(machineCreate, {name, boot, memoryBytes: 64 * 1024 * 1024})).machine;
  }

  /** Defines and starts one. */
  async run(client: Client, name: string): Promise<Machine> {
    await this.define(client, name);
    return (await client.request(machineStart, {machine: name})).machine;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client[Symbol.asyncDispose]();
    try {
      const client = await Client.connect({environment: this.environment});
      const daemon = identifyProcess(client.daemon.pid);
      await client.request(daemonStop, {machines: 'kill'});
      await client[Symbol.asyncDispose]();
      if (daemon !== undefined) await until(() => !isAlive(daemon));
    } catch {
      // No daemon left: the test ended it itself.
    }
    await rm(this.folder, {recursive: true, force: true, maxRetries: 3});
  }
}

/** A file with a kernel's header that tells the scripted machine how to start. */
export function scriptedKernel(how: 'run' | 'slow' | 'bad'): string {
  return `${'\0'.repeat(56)}RSC\x05${'\0'.repeat(4)}${how}`;
}

/** Polls a condition of another process that tells nobody (a pid, a file); fails after ten seconds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`never came true: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Follows the fleet through notifications, as a user interface does. */
export class FleetWatch {
  readonly machines = new Map<string, Machine>();
  readonly #waiters = new Set<() => void>();

  static async open(client: Client): Promise<FleetWatch> {
    const watch = new FleetWatch();
    client.on(machineChanged, ({machine}) => {
      watch.machines.set(machine.id, machine);
      for (const waiter of [...watch.#waiters]) waiter();
    });
    const {machines} = await client.request(subscribe, {topics: ['fleet', 'events', 'jobs', 'metrics']});
    for (const machine of machines) watch.machines.set(machine.id, machine);
    return watch;
  }

  /** Resolves with the machine when it matches. */
  async until(name: string, matches: (machine: Machine) => boolean): Promise<Machine> {
    for (;;) {
      const found = [...this.machines.values()].find((machine) => machine.name === name && matches(machine));
      if (found !== undefined) return found;
      const next = Promise.withResolvers<void>();
      this.#waiters.add(next.resolve);
      await next.promise;
      this.#waiters.delete(next.resolve);
    }
  }
}

/** A console whose text a test can wait for. */
export class TestConsole {
  text = '';
  gaps = 0;
  isClosed = false;
  readonly #waiters = new Set<() => void>();
  #session: ConsoleSession | undefined;

  static async open(
    client: Client,
    machine: string,
    options: Partial<ConsoleSessionOptions> = {},
  ): Promise<TestConsole> {
    const console = new TestConsole();
    console.#session = await ConsoleSession.open(client, {
      machine,
      wantsKeyboard: true,
      onOutput: (bytes, hasGap) => {
        console.text += Buffer.from(bytes).toString('latin1');
        if (hasGap) console.gaps++;
        for (const waiter of [...console.#waiters]) waiter();
      },
      onClosed: () => {
        console.isClosed = true;
      },
      ...options,
    });
    return console;
  }

  get session(): ConsoleSession {
    if (this.#session === undefined) throw new Error('not open');
    return this.#session;
  }

  async type(text: string): Promise<void> {
    await this.session.write(Buffer.from(text, 'latin1'));
  }

  async until(pattern: RegExp | string): Promise<void> {
    while (!(typeof pattern === 'string' ? this.text.includes(pattern) : pattern.test(this.text))) {
      const next = Promise.withResolvers<void>();
      this.#waiters.add(next.resolve);
      await next.promise;
      this.#waiters.delete(next.resolve);
    }
  }
}

/** Kinds of the events so far, of one machine or all. */
export async function eventKinds(client: Client, machine?: string): Promise<string[]> {
  const {events} = await client.request(eventsSince, machine === undefined ? {} : {machine});
  return events.map(({kind}) => kind);
}
