/**
 * What the graphs cost: `viv` at a terminal of 120×35 with its Graphs tab open and two samples a second, beside htop and
 * btop at the same size and pace, all at once. The daemon is a real one; its guests are scripted, so that every number of
 * three machines moves all the time.
 */
import {execFileSync} from 'node:child_process';
import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {TestConsole, TestDaemon} from '../support/daemon.js';
import {TerminalSession} from '../support/terminal.js';
import {cpuShares} from './cpu-share.js';

const SIZE = {columns: 120, rows: 35};
const SAMPLE_MS = 500;
const MACHINES = ['web', 'mail', 'db'];
/** Until V8 has compiled what runs all the time, and charts are full. */
const WARM_UP_MS = 65_000;
/** What must hold. Units: percent of a core */
const MUST_PERCENT = 1;

/** Prints shares of a core and ratios; false when the graphs take more than they may. */
export async function benchGraphs(root: string, seconds: number): Promise<boolean> {
  await using daemon = await TestDaemon.create({
    settings: {metrics: {intervalMs: SAMPLE_MS}},
    machineProgram: join(root, 'dist/scripted.js'),
  });
  const client = await daemon.connect();
  for (const name of MACHINES) {
    await daemon.run(client, name);
    await (await TestConsole.open(client, name)).type('busy\n');
  }
  const home = await mkdtemp(join(tmpdir(), 'viv-graphs-'));
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => rm(home, {recursive: true, force: true}));
  const env = {...own(daemon.environment), HOME: home, XDG_CONFIG_HOME: home};
  const open = (command: string, args: readonly string[]) => {
    const session = cleanup.use(new TerminalSession({command, args, env, ...SIZE}));
    return {name: command, session};
  };
  const viv = open(join(root, 'bin/viv'), []);
  await viv.session.see('Machines');
  viv.session.press('2');
  await viv.session.see('Interrupts');
  await mkdir(join(home, 'btop'));
  await writeFile(join(home, 'btop/btop.conf'), `update_ms = ${SAMPLE_MS}\n`);
  const others = [
    ...(isThere('htop') ? [open('htop', ['-d', String(SAMPLE_MS / 100)])] : []),
    ...(isThere('btop') ? [open('btop', ['--utf-force'])] : []),
  ];
  const all = [{...viv, name: 'viv, Graphs tab'}, ...others];
  await delay(WARM_UP_MS);
  const shares = await cpuShares(
    all.map(({session}) => session.pid),
    seconds,
  );
  const [graphs = 0] = shares;
  for (const [index, {name, session}] of all.entries()) {
    const share = shares[index] ?? 0;
    const ratio = index === 0 ? '' : `   viv takes ${(graphs / share).toFixed(2)} of it`;
    console.log(`${name.padEnd(16)} ${share.toFixed(2)} % of a core over ${seconds} s${ratio}`);
    if (session.rows.every((row) => row.trim() === '')) throw new Error(`${name} shows nothing`);
  }
  viv.session.press('v');
  await viv.session.see('Host memory');
  await delay(10_000);
  const [fleet = 0] = await cpuShares([viv.session.pid], seconds);
  console.log(`${'viv, fleet view'.padEnd(16)} ${fleet.toFixed(2)} % of a core over ${seconds} s`);
  const isKept = graphs < MUST_PERCENT;
  console.log(`graphs: ${graphs.toFixed(2)} % (must: below ${MUST_PERCENT} %) ${isKept ? 'kept' : 'BROKEN'}`);
  return isKept;
}

function isThere(command: string): boolean {
  try {
    execFileSync('which', [command], {stdio: 'ignore'});
    return true;
  } catch {
    console.log(`${command} is not installed: left out (apt-get install ${command})`);
    return false;
  }
}

function own(environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).filter((entry): entry is [string, string] => !!entry[1]));
}
