/**
 * `npm run bench [-- NAME…]`: speed as ratios to `qemu-system-riscv64` in the same run, interleaved, medians.
 *   kernels   bare-metal programs           boot   debian-mini to its prompt, and what an idle guest costs
 *   os        paths of a Linux guest        smp    a parallel load on several harts against one
 *   warm      `viv run` booting, and going on from a kept state
 * With `--rounds N`. Without a name these five run. Proofs under load, only when asked for; status 1 when one fails:
 *   graphs    what the UI's graphs take of a core, beside htop and btop (`--seconds N`)
 *   tui       what the UI takes of a core, its first frame, its keys beside a flood (`--seconds N` each)
 *   saving    a guest of 1 GiB saved while it runs, and restored
 *   stress    stress-ng --verify (`--seconds N` a class, `--cpus N`, `--classes cpu,vm,…`)
 *   disk      requests to raw and qcow2 disks, overlays and chains of a Linux guest
 *   ssh       a console while connections flood, and while a guest floods ten viewers (`--seconds N` each)
 *   net       TCP of a Linux guest through the user network (`--mib N` for bulk rows)
 *   boots     boots to the prompt and down (`--count N`, `--cpus 1,2,4`)
 * `--tier interpreter|auto|regions` chooses how our machine runs the code of Linux guests.
 * Builds the guest programs first (Debian packages: see `guest/build.sh`).
 */
import {execFileSync} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';
import type {Tier} from '../../src/engine/tiers.js';
import {packageFolder} from '../../src/manager/bundle.js';
import {builtInCatalogDir, ImageStore} from '../../src/manager/image/image-store.js';
import {findPaths} from '../../src/manager/paths.js';
import {noMachines} from '../support/image-machines.js';
import {benchBoot} from './boot.js';
import {benchBoots} from './boots.js';
import {benchDisk} from './disk.js';
import {benchGraphs} from './graphs.js';
import {type LinuxGuest, runGuest} from './guest-process.js';
import {benchKernels} from './kernels.js';
import {benchNet} from './net.js';
import {benchOs} from './os.js';
import {benchSaving} from './saving.js';
import {benchSmp} from './smp.js';
import {benchSsh, runSshLoad, type SshLoad} from './ssh.js';
import {benchStress} from './stress.js';
import {benchTui} from './tui.js';
import {benchWarm} from './warm.js';

const {values, positionals} = parseArgs({
  allowPositionals: true,
  options: {
    rounds: {type: 'string', default: '3'},
    seconds: {type: 'string', default: '60'},
    count: {type: 'string', default: '50'},
    mib: {type: 'string', default: '256'},
    cpus: {type: 'string'},
    classes: {type: 'string', default: ''},
    tier: {type: 'string'},
    guest: {type: 'string'},
    'ssh-load': {type: 'string'},
  },
});
if (values['ssh-load']) {
  await runSshLoad(JSON.parse(values['ssh-load']) as SshLoad);
  process.disconnect?.();
  process.exit();
}
if (values.guest) await runGuest(JSON.parse(values.guest) as LinuxGuest);

const self = {path: fileURLToPath(import.meta.url), tier: values.tier as Tier | undefined};
const root = packageFolder();
const rounds = Number(values.rounds);
const numbers = (list: string) => list.split(',').map(Number);
const isDefault = positionals.length === 0;
const wants = (name: string) => positionals.includes(name);
const check = (isRight: boolean) => {
  if (!isRight) process.exitCode = 1;
};

const {cache} = findPaths(process.env);
const buildImage = () => {
  const images = new ImageStore({catalogDirs: [builtInCatalogDir()], cacheDir: cache, machines: noMachines});
  return images.buildImage('debian-mini', {onProgress: ({stage}) => process.stderr.write(`${stage}\n`)});
};

const guests = mkdtempSync(join(tmpdir(), 'vivarium-bench-'));
try {
  if (isDefault || wants('kernels') || wants('os') || wants('smp') || wants('disk') || wants('net'))
    execFileSync('sh', [join(root, 'test/bench/guest/build.sh')], {
      env: {...process.env, OUT: guests},
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  if (isDefault || wants('kernels')) check(await benchKernels(root, guests, rounds));
  if (isDefault || wants('boot')) await benchBoot(self, await buildImage(), rounds);
  if (isDefault || wants('os')) await benchOs(self, await buildImage(), guests, rounds);
  if (isDefault || wants('smp'))
    check(await benchSmp(self, await buildImage(), guests, rounds, Number(values.cpus ?? 2)));
  if (wants('disk')) await benchDisk(self, await buildImage(), guests, rounds);
  if (wants('net')) await benchNet(self, await buildImage(), guests, rounds, Number(values.mib));
  if (isDefault || wants('warm')) {
    await buildImage();
    check(await benchWarm(root, cache, rounds));
  }
  if (wants('graphs')) check(await benchGraphs(root, Number(values.seconds)));
  if (wants('tui')) check(await benchTui(root, Number(values.seconds), rounds));
  if (wants('ssh')) check(await benchSsh(self.path, root, Number(values.seconds)));
  if (wants('saving')) await benchSaving(self, await buildImage(), rounds);
  if (wants('stress')) {
    const classes = values.classes === '' ? [] : values.classes.split(',');
    const options = {seconds: Number(values.seconds), classes};
    for (const cpus of numbers(values.cpus ?? '2'))
      check(await benchStress(self, await buildImage(), cache, {...options, cpus}));
  }
  if (wants('boots'))
    check(await benchBoots(self, await buildImage(), Number(values.count), numbers(values.cpus ?? '1,2,4')));
} finally {
  rmSync(guests, {recursive: true});
}
