/**
 * How long a console is delayed while others do their worst: connections that flood the SSH server, and a guest that floods
 * ten viewers. The daemon and its machine processes are real, the guests scripted, so that what is measured is ours.
 */
import {type ChildProcess, fork} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {writeFile} from 'node:fs/promises';
import {connect} from 'node:net';
import {join} from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import type {ClientChannel} from 'ssh2';
import {daemonStatus} from '../../src/manager/protocol/daemon.js';
import {makeKey} from '../../src/manager/ssh/host-key.js';
import {TestConsole, TestDaemon} from '../support/daemon.js';
import {openShell, sshLogIn} from '../support/ssh-client.js';

/** Between two keys. */
const PACE_MS = 50;
/** Of the guest that floods. Units: bytes each `FLOOD_MS`: 10 MB/s */
const FLOOD_BYTES = 1_000_000;
const FLOOD_MS = 100;
const VIEWERS = 10;
/** Of the flood with a pace and of that without one, in turns: what else the host does is the same for both. */
const ROUNDS = 4;
/** Flooding connections at a time. */
const CROWD = 50;
/** What must hold. Units: milliseconds beyond the quiet median */
const CROWD_MUST_MS = 200;
const VIEWERS_MUST_MS = 50;

/** Parts that run in processes of their own, so that they do not delay who measures. */
export type SshLoad =
  | {readonly kind: 'crowd'; readonly port: number}
  | {readonly kind: 'viewers'; readonly port: number; readonly key: string; readonly count: number};

const openDaemon = (root: string, settings: Record<string, Record<string, unknown>>) =>
  TestDaemon.create({
    settings: {ssh: {isEnabled: true, port: 0}, ...settings},
    machineProgram: join(root, 'dist/scripted.js'),
  });

/** Prints medians and worst cases; false when one is beyond what must hold. */
export async function benchSsh(program: string, root: string, seconds: number): Promise<boolean> {
  await using daemon = await openDaemon(root, {});
  const key = makeKey('bench');
  await writeFile(daemon.paths.authorizedKeys, `${key.public}\n`, {mode: 0o600});
  const client = await daemon.connect();
  await daemon.run(client, 'still');
  const {port = 0} = (await client.request(daemonStatus, {})).ssh;
  const session = await sshLogIn(port, 'still', key.private);
  const shell = await openShell(session);
  const quiet = await typeFor(shell, 5);
  print('nobody else', quiet);

  const crowd = await start(program, {kind: 'crowd', port});
  const crowded = await typeFor(shell, seconds);
  print(`${seconds} s of connections that flood`, crowded);
  console.log(`  connections: ${await end(crowd)}`);

  session.destroy();

  const paced = await Flood.open(program, root, {});
  const free = await Flood.open(program, root, {console: {floodBytesPerSecond: 2 ** 30}});
  try {
    for (let round = 0; round < ROUNDS; round++)
      for (const flood of [paced, free]) await flood.measure(seconds / ROUNDS);
    const [bounded, unbounded] = [paced.times, free.times];
    print(`${seconds} s of a guest that floods ${VIEWERS} viewers`, bounded);
    console.log(`  viewers: ${await paced.end()}`);
    print('  the same without a pace, in turns', unbounded);
    console.log(`  viewers: ${await free.end()}`);
    const ratio = (of: (times: readonly number[]) => number) => (of(bounded) / of(unbounded)).toFixed(2);
    console.log(`  ratios: echo ${ratio(median)}, 99 % ${ratio(p99)}, worst ${ratio(worst)}`);
    const share = (flood: Flood) => `${(100 * flood.daemonShare).toFixed(0)} %`;
    console.log(`  the daemon takes ${share(paced)} of a processor, ${share(free)} without a pace`);
  } finally {
    await paced[Symbol.asyncDispose]();
    await free[Symbol.asyncDispose]();
  }
  const beyond = (times: readonly number[]) => worst(times) - median(quiet);
  return beyond(crowded) < CROWD_MUST_MS && beyond(paced.times) < VIEWERS_MUST_MS;
}

/** A daemon with a guest that floods ten viewers now and then, and another whose console is typed into. */
class Flood implements AsyncDisposable {
  readonly times: number[] = [];
  #measuredMs = 0;
  #daemonMs = 0;
  readonly #pid: number;
  readonly #daemon: TestDaemon;
  readonly #viewers: ChildProcess;
  readonly #shell: ClientChannel;
  readonly #typist: TestConsole;
  readonly #leave: () => void;

  private constructor(
    daemon: TestDaemon,
    pid: number,
    viewers: ChildProcess,
    shell: ClientChannel,
    typist: TestConsole,
    leave: () => void,
  ) {
    this.#daemon = daemon;
    this.#pid = pid;
    this.#viewers = viewers;
    this.#shell = shell;
    this.#typist = typist;
    this.#leave = leave;
  }

  static async open(program: string, root: string, settings: Record<string, Record<string, unknown>>): Promise<Flood> {
    const daemon = await openDaemon(root, settings);
    const key = makeKey('bench');
    await writeFile(daemon.paths.authorizedKeys, `${key.public}\n`, {mode: 0o600});
    const client = await daemon.connect();
    for (const name of ['loud', 'still']) await daemon.run(client, name);
    const {port = 0} = (await client.request(daemonStatus, {})).ssh;
    const viewers = await start(program, {kind: 'viewers', port, key: key.private, count: VIEWERS});
    const session = await sshLogIn(port, 'still', key.private);
    const typist = await TestConsole.open(client, 'loud', {wantsKeyboard: true});
    return new Flood(daemon, client.daemon.pid, viewers, await openShell(session), typist, () => session.destroy());
  }

  /** What it takes of a processor while the guest floods. */
  get daemonShare(): number {
    return this.#daemonMs / this.#measuredMs;
  }

  async measure(seconds: number): Promise<void> {
    const [began, usedBefore] = [performance.now(), processorMs(this.#pid)];
    const flood = setInterval(() => {
      // The last ones are under way when all ends.
      this.#typist.type(`flood ${FLOOD_BYTES}\n`).catch(() => undefined);
    }, FLOOD_MS);
    this.times.push(...(await typeFor(this.#shell, seconds)));
    clearInterval(flood);
    this.#measuredMs += performance.now() - began;
    this.#daemonMs += processorMs(this.#pid) - usedBefore;
    // What is left of it does not hold up the other.
    await delay(1500);
  }

  /** What the viewers have seen. */
  end(): Promise<unknown> {
    return end(this.#viewers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leave();
    this.#viewers.kill();
    await this.#daemon[Symbol.asyncDispose]();
  }
}

/** In a process of its own: does it until it is told to end, then says what it did. */
export async function runSshLoad(load: SshLoad): Promise<void> {
  const ending = new Promise<void>((resolve) => process.once('message', () => resolve()));
  let isOver = false;
  void ending.then(() => {
    isOver = true;
  });
  if (load.kind === 'crowd') {
    let count = 0;
    const one = async (index: number) => {
      while (!isOver) {
        count++;
        // Some say nothing, some begin like a client, some talk nonsense.
        const words = ['', 'SSH-2.0-OpenSSH_9.2\r\n', 'x'.repeat(40_000)][index % 3]!;
        await new Promise<void>((resolve) => {
          const socket = connect(load.port, '127.0.0.1', () => socket.write(words));
          socket.on('error', () => undefined);
          socket.on('close', () => resolve());
          socket.setTimeout(200, () => socket.destroy());
          socket.resume();
        });
      }
    };
    process.send?.('ready');
    await Promise.all(Array.from({length: CROWD}, (_, index) => one(index)));
    process.send?.(`${count} came`);
    return;
  }
  let bytes = 0;
  const sessions = await Promise.all(
    Array.from({length: load.count}, async () => {
      const session = await sshLogIn(load.port, 'loud', load.key);
      (await openShell(session)).on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      return session;
    }),
  );
  const began = performance.now();
  process.send?.('ready');
  await ending;
  const rate = bytes / 1e6 / ((performance.now() - began) / 1000);
  for (const session of sessions) session.destroy();
  process.send?.(`${rate.toFixed(0)} MB/s all together`);
}

/** Types now and then, and takes the time to each echo. Units: milliseconds */
async function typeFor(shell: ClientChannel, seconds: number): Promise<number[]> {
  const times: number[] = [];
  const until = performance.now() + seconds * 1000;
  for (let count = 0; performance.now() < until; count++) {
    const word = `k${count % 1000}.`;
    const began = performance.now();
    const seen = new Promise<void>((resolve) => {
      let text = '';
      const look = (chunk: Buffer) => {
        text += chunk.toString('latin1');
        if (!text.includes(word)) return;
        shell.off('data', look);
        resolve();
      };
      shell.on('data', look);
    });
    shell.write(word);
    await seen;
    times.push(performance.now() - began);
    await delay(PACE_MS);
  }
  return times;
}

/** Processor time of a process, in ticks of 10 ms: fields 14 and 15 of its line. */
function processorMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function start(program: string, load: SshLoad): Promise<ChildProcess> {
  const child = fork(program, ['--ssh-load', JSON.stringify(load)]);
  await new Promise((resolve) => child.once('message', resolve));
  return child;
}

async function end(child: ChildProcess): Promise<unknown> {
  const said = new Promise((resolve) => child.once('message', resolve));
  child.send('end');
  return said;
}

const sorted = (times: readonly number[]) => [...times].sort((a, b) => a - b);
const median = (times: readonly number[]) => sorted(times)[times.length >> 1] ?? 0;
const p99 = (times: readonly number[]) => sorted(times)[Math.floor(times.length * 0.99)] ?? 0;
const worst = (times: readonly number[]) => Math.max(...times);

function print(what: string, times: readonly number[]): void {
  const figures = [median(times), p99(times), worst(times)].map((each) => each.toFixed(1));
  console.log(
    `${what}: echo after ${figures[0]} ms, 99 % ${figures[1]} ms, worst ${figures[2]} ms (${times.length} keys)`,
  );
}
