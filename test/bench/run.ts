/**
 * `npm run bench [-- kernels|boot] [--rounds N]`: speed as ratios to `qemu-system-riscv64` in the same run, interleaved,
 * medians. Builds the guest programs first (Debian packages: see `guest/build.sh`).
 */
import {execFileSync} from 'node:child_process';
import {mkdtempSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';
import {packageFolder} from '../../src/manager/bundle.js';
import {builtInCatalogDir, ImageStore} from '../../src/manager/image/image-store.js';
import {findPaths} from '../../src/manager/paths.js';
import {type BootImage, benchBoot, runGuest} from './boot.js';
import {benchKernels} from './kernels.js';

const {values, positionals} = parseArgs({
  allowPositionals: true,
  options: {rounds: {type: 'string', default: '3'}, guest: {type: 'string'}},
});
if (values.guest) await runGuest(JSON.parse(values.guest) as BootImage);

const root = packageFolder();
const rounds = Number(values.rounds);
const wants = (name: string) => positionals.length === 0 || positionals.includes(name);
if (wants('kernels')) {
  const guests = mkdtempSync(join(tmpdir(), 'vivarium-bench-'));
  execFileSync('sh', [join(root, 'test/bench/guest/build.sh')], {env: {...process.env, OUT: guests}});
  if (!(await benchKernels(root, guests, rounds))) process.exitCode = 1;
}
if (wants('boot')) {
  const images = new ImageStore({catalogDirs: [builtInCatalogDir()], cacheDir: findPaths(process.env).cache});
  const image = await images.buildImage('debian-mini', {onProgress: ({stage}) => process.stderr.write(`${stage}\n`)});
  const {kernelPath, initrdPath, commandLine} = image;
  await benchBoot(fileURLToPath(import.meta.url), {kernelPath, initrdPath, commandLine}, rounds);
}
