/**
 * How long a console is delayed while others do their worst: connections that flood the SSH server, and a guest that floods
 * ten viewers. The daemon and its machine processes are real, the guests scripted, so that what is measured is ours.
 */
import {type ChildProcess, fork} from 'node:child_process';
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
/** Flooding connections at a time. */
const CROWD = 50;
/** What must hold. Units: milliseconds beyond the quiet median */
const CROWD_MUST_MS = 200;
const VIEWERS_MUST_MS = 50;

/** Parts that run in processes of their own, so that they do not delay who measures. */
export type SshLoad =
  | {readonly kind: 'crowd'; readonly port: number}
  | {readonly kind: 'viewers'; readonly port: number; readonly key: string; readonly count: number};

/** Prints medians and worst cases; false when one is beyond what must hold. */
export async function benchSsh(program: string, root: string, seconds: number): Promise<boolean> {
  await using daemon = await TestDaemon.create({
    settings: {ssh: {isEnabled: true, port: 0}},
    machineProgram: join(root, 'dist/scripted.js'),
  });
  const key = makeKey('bench');
  await writeFile(daemon.paths.authorizedKeys, `${key.public}\n`, {mode: 0o600});
  const client = await daemon.connect();
  for (const name of ['loud', 'still']) await daemon.run(client, name);
  const {port = 0} = (await client.request(daemonStatus, {})).ssh;
  const session = await sshLogIn(port, 'still', key.private);
  const shell = await openShell(session);
  const quiet = await typeFor(shell, 5);
  print('nobody else', quiet);

  const crowd = await start(program, {kind: 'crowd', port});
  const crowded = await typeFor(shell, seconds);
  print(`${seconds} s of connections that flood`, crowded);
  console.log(`  connections: ${await end(crowd)}`);

  // So many may come a second, and the crowd has taken them.
  await delay(3000);
  const viewers = await start(program, {kind: 'viewers', port, key: key.private, count: VIEWERS});
  const typist = await TestConsole.open(client, 'loud', {wantsKeyboard: true});
  const flood = setInterval(() => {
    // The last ones are under way when all ends.
    typist.type(`flood ${FLOOD_BYTES}\n`).catch(() => undefined);
  }, FLOOD_MS);
  const flooded = await typeFor(shell, seconds);
  clearInterval(flood);
  print(`${seconds} s of a guest that floods ${VIEWERS} viewers`, flooded);
  console.log(`  viewers: ${await end(viewers)}`);
  session.destroy();
  const beyond = (times: readonly number[]) => worst(times) - median(quiet);
  return beyond(crowded) < CROWD_MUST_MS && beyond(flooded) < VIEWERS_MUST_MS;
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
const worst = (times: readonly number[]) => Math.max(...times);

function print(what: string, times: readonly number[]): void {
  const p99 = sorted(times)[Math.floor(times.length * 0.99)] ?? 0;
  const figures = [median(times), p99, worst(times)].map((each) => each.toFixed(1));
  console.log(
    `${what}: echo after ${figures[0]} ms, 99 % ${figures[1]} ms, worst ${figures[2]} ms (${times.length} keys)`,
  );
}
