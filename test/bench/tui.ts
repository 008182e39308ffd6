/**
 * What the UI costs at a terminal, and how fast it is: the first frame, an idle screen, a console that changes thirty times
 * a second, and keys while a guest floods its console. The daemon is a real one, its guests are scripted.
 */
import {execFileSync} from 'node:child_process';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {Client} from '../../src/manager/client.js';
import {TestConsole, TestDaemon} from '../support/daemon.js';
import {TerminalSession} from '../support/terminal.js';
import {cpuShares} from './cpu-share.js';

const USUAL = {columns: 120, rows: 35};
const LARGE = {columns: 200, rows: 60};
/** Until V8 has compiled what runs all the time. */
const WARM_UP_MS = 20_000;
/** A screen of text that scrolls, thirty pieces a second, and a flood. Units: bytes a second */
const LIVELY = 30 * 400;
const FLOOD = 10e6;
const KEYS = 200;
const KEY_EVERY_MS = 60;
/** A fleet to scroll through. A terminal repeats a key that is held some thirty times a second. */
const MANY = 500;

/** What must hold. Units: seconds, percent of a core, milliseconds */
const MUST = {firstFrame: 0.4, idle: 0.5, usualConsole: 6, largeConsole: 10, key: 50};

/** Prints figures and bounds; false when one is broken. */
export async function benchTui(root: string, seconds: number, rounds: number): Promise<boolean> {
  await using daemon = await TestDaemon.create({machineProgram: join(root, 'dist/scripted.js')});
  const client = await daemon.connect();
  for (const name of ['alpha', 'beta', 'gamma']) await daemon.run(client, name);
  const home = await mkdtemp(join(tmpdir(), 'viv-tui-'));
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => rm(home, {recursive: true, force: true}));
  const given = {...daemon.environment, HOME: home, XDG_CONFIG_HOME: home};
  const env = Object.fromEntries(Object.entries(given).filter((entry): entry is [string, string] => !!entry[1]));
  const open = (command: string, args: readonly string[], size = USUAL) =>
    new TerminalSession({command, args, env, ...size});
  const viv = (size = USUAL) => open(join(root, 'bin/viv'), [], size);
  const results: boolean[] = [];
  const tell = (what: string, value: number, unit: string, must: number, beside = '') => {
    const isKept = value < must;
    results.push(isKept);
    const bound = `(must: below ${must} ${unit}) ${isKept ? 'kept' : 'BROKEN'}`;
    console.log(`${what.padEnd(34)} ${value.toFixed(2)} ${unit} ${bound}${beside}`);
  };

  const tellKeys = (what: string, waits: readonly number[]) => {
    const sorted = [...waits].sort((a, b) => a - b);
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
    console.log(`${what.padEnd(34)} median ${at(0.5).toFixed(1)} ms, 99 % ${at(0.99).toFixed(1)} ms`);
    tell('  worst', at(1), 'ms', MUST.key);
  };

  const ours: number[] = [];
  const htops: number[] = [];
  for (let round = 0; round < Math.max(3, rounds); round++) {
    ours.push(await firstFrame(viv, 'alpha'));
    if (isThere('htop')) htops.push(await firstFrame(() => open('htop', []), 'PID'));
  }
  const ratio = htops.length === 0 ? '' : `   ${(median(ours) / median(htops)).toFixed(1)} × htop`;
  tell('first frame', median(ours) / 1000, 's', MUST.firstFrame, ratio);

  {
    await using idle = viv();
    await using htop = isThere('htop') ? open('htop', ['-d', '10']) : undefined;
    await idle.see('alpha');
    await delay(WARM_UP_MS);
    const [own = 0, other] = await cpuShares([idle.pid, ...(htop ? [htop.pid] : [])], seconds);
    tell('idle screen', own, '%', MUST.idle, other === undefined ? '' : `   ${(own / other).toFixed(2)} × htop`);
  }
  for (const [size, must] of [
    [USUAL, MUST.usualConsole],
    [LARGE, MUST.largeConsole],
  ] as const) {
    await using session = viv(size);
    await session.see('alpha');
    await stream(daemon.environment, 'alpha', LIVELY);
    await delay(WARM_UP_MS);
    const [share = 0] = await cpuShares([session.pid], seconds);
    await stream(daemon.environment, 'alpha', 0);
    tell(`console at 30 fps, ${size.columns}×${size.rows}`, share, '%', must);
  }
  {
    await using session = viv();
    await session.see('alpha');
    await stream(daemon.environment, 'alpha', FLOOD);
    await delay(3000);
    const waits = await keyWaits(session);
    await stream(daemon.environment, 'alpha', 0);
    tellKeys('keys beside 10 MB/s', waits);
  }
  {
    for (let made = 0; made < MANY; made++) await daemon.define(client, `m-${String(made).padStart(3, '0')}`);
    await using session = viv();
    await session.see(`${MANY + 3} total`);
    tellKeys(`keys through ${MANY} machines`, await scrollWaits(session));
  }
  return results.every(Boolean);
}

async function firstFrame(open: () => TerminalSession, sign: string): Promise<number> {
  const began = performance.now();
  await using session = open();
  await session.see(sign);
  const passed = performance.now() - began;
  // Left as people leave: then V8's code of the program is kept for the next time.
  session.press('q');
  await session.exited;
  return passed;
}

/** Lets a guest print so many bytes a second from now on. Whoever types it does not stay to be sent them. */
async function stream(environment: NodeJS.ProcessEnv, machine: string, bytesPerSecond: number): Promise<void> {
  await using client = await Client.connect({environment});
  const console = await TestConsole.open(client, machine);
  await console.type(`stream ${bytesPerSecond}\n`);
}

/** Times from a key to the dialog that it opens. Units: milliseconds */
async function keyWaits(session: TerminalSession): Promise<number[]> {
  const waits: number[] = [];
  for (let press = 0; press < KEYS; press++) {
    const [key, row] = press % 2 === 0 ? (['?', 'Keys in'] as const) : (['\x1b', ''] as const);
    const began = performance.now();
    session.press(key);
    await session.until('to answer a key', (text) => (row === '' ? !text.includes('Keys in') : text.includes(row)));
    if (row !== '') waits.push(performance.now() - began);
    await delay(KEY_EVERY_MS);
  }
  return waits;
}

/** Times from a key to the next row's highlight, from the first machine to the last. Units: milliseconds */
async function scrollWaits(session: TerminalSession): Promise<number[]> {
  const waits: number[] = [];
  session.press('g');
  await session.see(/▸.alpha/);
  for (const row of ['beta', 'gamma', ...Array.from({length: MANY}, (_, at) => `m-${String(at).padStart(3, '0')}`)]) {
    const began = performance.now();
    session.press('j');
    await session.see(new RegExp(`▸.${row} `));
    waits.push(performance.now() - began);
  }
  return waits;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function isThere(command: string): boolean {
  try {
    execFileSync('which', [command], {stdio: 'ignore'});
    return true;
  } catch {
    return false;
  }
}
