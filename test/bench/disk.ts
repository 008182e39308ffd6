/**
 * Requests to virtio disks of a Linux guest, here and under QEMU, on the same kinds of images: one boot a round and side,
 * in turns. Ours runs as users' machines do (a process under the permission model, this one as its daemon), QEMU with
 * `cache=writeback`, which promises what ours does: only what was flushed survives a power cut.
 */
import {mkdirSync, mkdtempSync, readFileSync, rmSync, statSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {BuiltImage} from '../../src/manager/image/image-record.js';
import {openChain, resolveChain} from '../../src/paravirt/block/chain.js';
import {createImage} from '../../src/paravirt/block/create-image.js';
import {addToImage} from './guest-image.js';
import {type LinuxGuest, type OwnProgram, qemuCommand} from './guest-process.js';
import {runOwnMachine} from './own-machine.js';
import {geomean, median, run} from './process.js';

const MIB = 1024 ** 2;
const MEMORY_BYTES = 256 * MIB;
/** Units: seconds */
const DEADLINE = 300;
/** Images below the top one of the disk `chain`. */
const CHAIN_BELOW = 4;
/** What the images below hold. */
const BASE_BYTES = 320 * MIB;
const CLUSTER_BYTES = 65_536;

const BASIC =
  'fill seqwrite seqsync seqread smallread smallwrite randread randwrite randsync deepread deepwrite firstrand firstseq discard';
const LAYERED = 'seqread randread deepread firstrand firstseq fill randwrite randsync';

/** The guest finds each disk by its size. */
const DISKS = [
  {name: 'raw', format: 'raw', mib: 512, below: 0, rows: BASIC.split(' ')},
  {name: 'qcow2', format: 'qcow2', mib: 513, below: 0, rows: BASIC.split(' ')},
  {name: 'overlay', format: 'qcow2', mib: 514, below: 1, rows: LAYERED.split(' ')},
  {name: 'chain', format: 'qcow2', mib: 515, below: CHAIN_BELOW, rows: LAYERED.split(' ')},
] as const;

/** As the image's own init and shell do it: what shows the kernel its devices, then what the devices ask for. */
const LOAD_MODULES = `
while read -r module; do insmod "/lib/modules/boot/$module"; done </lib/modules/boot.list
cat /sys/bus/virtio/devices/*/modalias | xargs modprobe -q -a
while [ ! -e /dev/vdd ]; do sleep 0.1; done`;

/** What one run on one side measured. Units: microseconds by `disk.row`, MiB of the host's disk by disk */
interface Measured {
  readonly times: ReadonlyMap<string, number>;
  readonly allocated: ReadonlyMap<string, number>;
}

/** Runs all rows on all disks, made anew for each run, `rounds` times on both sides. */
export async function benchDisk(self: OwnProgram, image: BuiltImage, guests: string, rounds: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vivarium-disk-'));
  try {
    const data = readFileSync(join(guests, 'disk-rv64'));
    // The first rows would also measure how fast either side gets used to the guest's code, and ours to its own.
    const commands = [
      `/bin/disk warm 512 seqread ${'smallread smallwrite randread randwrite deepread deepwrite seqsync '.repeat(4)}`,
      ...DISKS.map(({name, mib, rows}) => `/bin/disk ${name} ${mib} ${rows.join(' ')}`),
    ];
    const files = addToImage(
      image,
      folder,
      [{kind: 'file', path: 'bin/disk', mode: 0o755, data}],
      `${LOAD_MODULES}\n${commands.map((command) => `${command} </dev/null`).join('\n')}`,
    );
    const bases = await makeBases(folder);
    const tops = join(folder, 'tops');
    const guest: LinuxGuest = {
      ...files,
      hartCount: 1,
      memoryBytes: MEMORY_BYTES,
      console: 'serial',
      disks: DISKS.map(({name, format}) => ({path: join(tops, name), format})),
    };
    const sides = [
      {ran: [] as Measured[], boot: () => runOwnMachine(self, guest, folder, DEADLINE)},
      {ran: [] as Measured[], boot: async () => (await run(qemuCommand(guest), {deadline: DEADLINE})).output},
    ] as const;
    for (let round = 0; round < rounds; round++) {
      for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
        rmSync(tops, {recursive: true, force: true});
        mkdirSync(tops);
        await makeTops(tops, bases);
        side.ran.push(readRun(await side.boot(), tops));
      }
      process.stderr.write(`disk: round ${round + 1} of ${rounds}\n`);
    }
    report(sides[0].ran, sides[1].ran);
  } finally {
    rmSync(folder, {recursive: true});
  }
}

/** Images for tops to stand on, by how many: the lowest is full, each one above holds an eighth of the clusters. */
async function makeBases(folder: string): Promise<readonly string[]> {
  const paths: string[] = [];
  const cluster = new Uint8Array(CLUSTER_BYTES).fill(0xa5);
  for (let depth = 0; depth < CHAIN_BELOW; depth++) {
    const path = join(folder, `base-${depth}`);
    const below = paths.at(-1);
    const backing = below === undefined ? {} : {backing: {path: below, format: 'qcow2'}};
    await createImage(path, 'qcow2', {sizeBytes: DISKS[0].mib * MIB, ...backing});
    await using disk = await openChain(await resolveChain(path, 'qcow2', {allowedFolders: []}), false);
    const step = depth === 0 ? 1 : 8;
    for (let index = depth % step; index < BASE_BYTES / CLUSTER_BYTES; index += step)
      await disk.writev([cluster], index * CLUSTER_BYTES);
    paths.push(path);
  }
  return paths;
}

async function makeTops(folder: string, bases: readonly string[]): Promise<void> {
  for (const {name, format, mib, below} of DISKS) {
    const path = bases[below - 1];
    const backing = path === undefined ? {} : {backing: {path, format: 'qcow2'}};
    await createImage(join(folder, name), format, {sizeBytes: mib * MIB, ...backing});
  }
}

function readRun(output: string, tops: string): Measured {
  const times = new Map<string, number>();
  for (const [, name, microseconds] of output.matchAll(/^([\w.]+) \d+ us (\d+)/gm))
    times.set(name!, Number(microseconds));
  const missing = DISKS.flatMap(({name, rows}) => rows.map((row) => `${name}.${row}`)).filter((row) => !times.has(row));
  if (missing.length > 0) throw new Error(`a guest did not run ${missing.join(', ')}:\n${output.slice(-2000)}`);
  const allocated = new Map(DISKS.map(({name}) => [name, (statSync(join(tops, name)).blocks * 512) / MIB]));
  return {times, allocated};
}

function report(ours: readonly Measured[], theirs: readonly Measured[]): void {
  const all: number[] = [];
  for (const {name: disk, rows} of DISKS) {
    const ratios: number[] = [];
    console.log(`${disk.padEnd(14)}    viv ms    qemu ms   ratio   (each round's)`);
    for (const row of rows) {
      const key = `${disk}.${row}`;
      const own = median(ours.map(({times}) => times.get(key)!));
      const other = median(theirs.map(({times}) => times.get(key)!));
      const each = ours.map(({times}, round) => (times.get(key)! / theirs[round]!.times.get(key)!).toFixed(2));
      ratios.push(own / other);
      const cells = [(own / 1e3).toFixed(1).padStart(9), (other / 1e3).toFixed(1).padStart(10)];
      console.log(`${row.padEnd(14)} ${cells.join(' ')} ${(own / other).toFixed(2).padStart(7)}   ${each.join(' ')}`);
    }
    const room = (side: readonly Measured[]) => median(side.map(({allocated}) => allocated.get(disk)!)).toFixed(0);
    console.log(`${disk}, geomean of ${rows.length}: ${geomean(ratios).toFixed(2)}`);
    console.log(`${disk}, room on the host in the end: viv ${room(ours)} MiB, qemu ${room(theirs)} MiB\n`);
    all.push(...ratios);
  }
  console.log(`disks, geomean of ${all.length}: ${geomean(all).toFixed(2)} (qemu: cache=writeback, discard=unmap)`);
}
