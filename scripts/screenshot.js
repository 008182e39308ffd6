// Makes the README's pictures: runs `viv` at a real pseudo-terminal with a home of its own, boots machines, works with
// them by keys, and writes each screen as SVG. Usage: node scripts/screenshot.js [FOLDER] [--cache FOLDER]
import {cp, mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';
import * as esbuild from 'esbuild';
import {TerminalSession} from '../test/support/terminal.ts';
import {build, bundleOptions} from './build.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
await build();
await esbuild.build({
  ...bundleOptions,
  entryPoints: {pictures: join(root, 'src/tui/pictures/screen-svg.ts')},
  outdir: join(root, 'dist'),
  splitting: false,
});
const {renderScreenSvg} = await import('../dist/pictures.js');
const {values, positionals} = parseArgs({options: {cache: {type: 'string'}}, allowPositionals: true});
const folder = positionals[0] ?? join(root, 'docs');
const BOOT_MS = 120_000;
/** So many points of a chart before its picture is taken; one comes every two seconds. */
const CHART_MS = 90_000;

const home = await mkdtemp(join(tmpdir(), 'viv-shot-'));
const env = {VIVARIUM_HOME: join(home, 'home'), VIVARIUM_RUNTIME: join(home, 'run'), COLORTERM: 'truecolor'};
// The `cache` folder of another home saves building the image.
if (values.cache !== undefined) await cp(values.cache, join(home, 'home', 'cache'), {recursive: true});

/** Runs one command line of viv and resolves when it ended. */
async function viv(...words) {
  await using session = new TerminalSession({command: process.execPath, args: [join(root, 'bin/viv'), ...words], env});
  const status = await session.exited;
  if (status !== 0) throw new Error(`viv ${words.join(' ')} ended with ${status}:\n${session.text}`);
}

/** Writes what a terminal shows. */
async function take(terminal, name) {
  await mkdir(folder, {recursive: true});
  const path = join(folder, `${name}.svg`);
  await writeFile(path, renderScreenSvg(terminal.screen));
  console.log(path);
}

/** Leaves what shows a text, and waits until it is gone: a key right behind an Esc would be one with Alt. */
async function leave(terminal, sign) {
  terminal.press('\x1b');
  await terminal.until(`without ${sign}`, (text) => !text.includes(sign));
}

/** The number of the point that the timeline shows. */
async function placeOf(terminal) {
  await terminal.see(/ago +\d+ of \d/);
  return Number(/ago +(\d+) of \d/.exec(terminal.text)[1]);
}

/** In a guest: work that comes and goes, for as long as the pictures take, told line by line. */
const WORK =
  'n=0; while :; do n=$((n+1)); i=0; while [ $i -lt 40000 ]; do i=$((i+1)); done; echo "job $n done"; sleep 2; done';

try {
  await viv('image', 'build', 'debian-mini');
  for (const name of ['web-1', 'web-2', 'db', 'ci']) await viv('create', 'debian-mini', '--name', name);
  for (const name of ['web-1', 'web-2']) await viv('tag', name, 'shop', '--group', 'web');
  for (const name of ['web-2', 'db', 'ci']) await viv('start', name);
  await using terminal = new TerminalSession({command: process.execPath, args: [join(root, 'bin/viv')], env});
  await terminal.see('4 total', 60_000);
  terminal.press('/web-1\r');
  await terminal.see('web-1  ○ off');
  await leave(terminal, 'Machines /web-1');
  terminal.press('\r');
  await terminal.see('web-1:~#', BOOT_MS);
  terminal.press('clear; uname -srm; grep isa /proc/cpuinfo; free -m; stty size\r');
  await terminal.see('30 80');
  terminal.press(`${WORK}\r`);
  await terminal.see('job 3 done', 60_000);
  terminal.press('\x1d');
  await viv('pause', 'web-2');
  await terminal.see('1 paused', 60_000);
  await take(terminal, 'screen');

  await viv('snapshot', 'create', 'web-1', 'before-upgrade', '--note', 'all jobs green');
  terminal.press('n');
  await terminal.see('New machine');
  terminal.press('\tshop-3\t2\t512M');
  await terminal.see('--memory 512M');
  await take(terminal, 'new');
  await leave(terminal, 'New machine');
  terminal.press(':sna');
  await terminal.see('viv snapshot');
  await take(terminal, 'palette');
  terminal.press('\x1b');
  await leave(terminal, 'What to do');
  terminal.press('W');
  await terminal.see('Enter types into it');
  await take(terminal, 'wall');
  await leave(terminal, 'Enter types into it');
  terminal.press('2');
  await terminal.until('to show load', (text) => /CPU % +[1-9]/.test(text), CHART_MS);
  await new Promise((resolve) => setTimeout(resolve, CHART_MS));
  await take(terminal, 'graphs');
  terminal.press('3');
  for (let place = await placeOf(terminal); place > 1; place--) {
    terminal.press('\x1b[D');
    await terminal.see(new RegExp(`ago +${place - 1} of \\d`));
  }
  await terminal.see('before-upgrade');
  // The screen of the point before stays until this one's is there.
  await terminal.until('of that point', (text) => text.includes('job 3 done') && !text.includes('job 9 done'));
  await take(terminal, 'timeline');
} finally {
  await viv('daemon', 'stop', '--machines', 'kill');
  await rm(home, {recursive: true, force: true});
}
