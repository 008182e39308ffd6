// Makes the README's picture: runs `viv` at a real pseudo-terminal with a home of its own, boots a machine, types a few
// commands, and writes the screen as SVG. Usage: node scripts/screenshot.js [OUT.svg] [--graphs] [--cache FOLDER]
import {cp, mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';
import {renderScreenSvg} from '../src/tui/pictures/screen-svg.ts';
import {TerminalSession} from '../test/support/terminal.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const {values, positionals} = parseArgs({
  options: {graphs: {type: 'boolean', default: false}, cache: {type: 'string'}},
  allowPositionals: true,
});
const out = positionals[0] ?? join(root, 'docs/screen.svg');
const BUILD_AND_BOOT_MS = 600_000;

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

try {
  await viv('image', 'build', 'debian-mini');
  for (const name of ['web-1', 'web-2', 'db']) await viv('create', 'debian-mini', '--name', name);
  await viv('start', 'web-2');
  await viv('pause', 'web-2');
  await using terminal = new TerminalSession({command: process.execPath, args: [join(root, 'bin/viv')], env});
  await terminal.see('3 total', 60_000);
  terminal.press('G\x1b[A');
  await terminal.see('web-1  ○ off');
  terminal.press('\r');
  await terminal.see('web-1:~#', BUILD_AND_BOOT_MS);
  terminal.press('clear; uname -srm; grep isa /proc/cpuinfo; free -m; stty size\r');
  await terminal.see('30 80');
  terminal.press('i=0; while [ $i -lt 150000 ]; do i=$((i+1)); done\r');
  // Half a dozen seconds of load give the sparkline and the charts something to show.
  await terminal.until('to show load', (text) => /web-1 .*[1-9]\d%/.test(text), 60_000);
  if (values.graphs) {
    terminal.press('\x1d2');
    await terminal.see(/CPU [1-9]\d*%/);
    await terminal.see('⠓⠒⠒');
  }
  await mkdir(dirname(out), {recursive: true});
  await writeFile(out, renderScreenSvg(terminal.screen));
  console.log(out);
} finally {
  await viv('daemon', 'stop', '--machines', 'kill');
  await rm(home, {recursive: true, force: true});
}
