/**
 * `stress-ng --verify` in a guest of ours: proves harts, memory and atomics under load rather than measuring them. The
 * program and its libraries are Debian's, fetched like the packages of debian-mini.
 */
import {execFileSync} from 'node:child_process';
import {lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Apt} from '../../src/manager/image/apt.js';
import type {BuiltImage} from '../../src/manager/image/image-record.js';
import {type AddedFile, addToImage} from './guest-image.js';
import {type LinuxGuest, type OwnProgram, ownCommand} from './guest-process.js';
import {run} from './process.js';

const MEMORY_BYTES = 512 * 1024 ** 2;
/** Beside the usual: clocks that agree between harts, fences of code and of translations. */
const CLASSES = ['cpu', 'vm', 'fork', 'futex', 'atomic', 'nanosleep', 'icache', 'tlb-shootdown'];
/** stress-ng and what its libraries need; apt's own answer also has a graphics stack that is only ever opened by name. */
const PACKAGES = (
  'stress-ng libacl1 libapparmor1 libbsd0 libmd0 libc6 libcrypt1 libegl1 libglvnd0 libgbm1 libdrm2 libexpat1 ' +
  'libgcc-s1 libgles2 libgmp10 libjpeg62-turbo libjudydebian1 libkmod2 libssl3t64 liblzma5 libzstd1 libmpfr6 ' +
  'libsctp1 libstdc++6 libxxhash0 zlib1g'
).split(' ');
const LIBRARIES = 'lib/riscv64-linux-gnu';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
/** A guest needs this for what is not load: its boot, and starting and ending stress-ng each time. Units: seconds */
const BOOT_ALLOWANCE = 60;
const CLASS_ALLOWANCE = 60;

/** How much of it. Units: `seconds` for each class */
export interface StressOptions {
  readonly seconds: number;
  readonly cpus: number;
  readonly classes: readonly string[];
}

/** Runs the classes one after the other in one guest and prints how each ended. False when any failed. */
export async function benchStress(
  self: OwnProgram,
  image: BuiltImage,
  cacheDir: string,
  {seconds, cpus, classes}: StressOptions,
): Promise<boolean> {
  const wanted = classes.length === 0 ? CLASSES : classes;
  const folder = mkdtempSync(join(tmpdir(), 'vivarium-stress-'));
  try {
    const commands = wanted.map((name) => {
      const more = name === 'vm' ? ` --vm-bytes ${64 * cpus}M` : '';
      const load = `stress-ng --verify --timeout ${seconds}s --temp-path /tmp --${name} ${cpus}${more}`;
      return `echo "begin ${name}"; ${load}; echo "${name} ended with $?"`;
    });
    const files = addToImage(image, folder, await fetchStress(cacheDir, folder), commands.join('\n'));
    const guest: LinuxGuest = {...files, hartCount: cpus, memoryBytes: MEMORY_BYTES, console: 'serial'};
    const deadline = BOOT_ALLOWANCE + wanted.length * (2 * seconds + CLASS_ALLOWANCE);
    const {output, status} = await run(ownCommand(self, guest), {deadline});
    const ends = new Map(
      [...output.matchAll(/^([\w-]+) ended with (\d+)/gm)].map(([, name, end]) => [name!, Number(end)]),
    );
    for (const name of wanted) {
      const end = ends.get(name);
      console.log(`stress-ng ${name}, ${cpus} harts: ${end === 0 ? 'passed' : `FAILED (${end ?? 'never ended'})`}`);
    }
    const isRight = status === 0 && wanted.every((name) => ends.get(name) === 0);
    if (!isRight) console.log(`the guest ended with ${status}; its console:\n${output}`);
    return isRight;
  } catch (error) {
    console.log(`stress-ng, ${cpus} harts: FAILED: ${error instanceof Error ? error.message : error}`);
    return false;
  } finally {
    rmSync(folder, {recursive: true});
  }
}

/** The program and its libraries as files of a guest, in the folders where the loader looks. */
async function fetchStress(cacheDir: string, scratch: string): Promise<AddedFile[]> {
  const folder = join(cacheDir, 'apt');
  mkdirSync(folder, {recursive: true});
  const source = {suite: 'trixie', component: 'main', architecture: 'riscv64', keyring: KEYRING};
  const apt = await Apt.open({folder, ...source, environment: process.env});
  process.stderr.write('stress: fetching packages\n');
  await apt.update(() => undefined);
  const root = join(scratch, 'root');
  for (const name of PACKAGES) {
    const path = await apt.download(await apt.describe(name), () => undefined);
    execFileSync('dpkg-deb', ['--extract', path, root]);
  }
  // Debian's folders below / are links to those below /usr.
  const programs = ['bin/stress-ng', 'lib/ld-linux-riscv64-lp64d.so.1'];
  const libraries = readdirSync(join(root, 'usr', LIBRARIES)).filter((name) => name.includes('.so'));
  return [...programs, ...libraries.map((name) => `${LIBRARIES}/${name}`)].flatMap((path): AddedFile[] => {
    const file = join(root, 'usr', path);
    const kind = lstatSync(file);
    if (kind.isSymbolicLink()) return [{kind: 'symlink', path, target: readlinkSync(file)}];
    return kind.isFile() ? [{kind: 'file', path, mode: 0o755, data: readFileSync(file)}] : [];
  });
}
