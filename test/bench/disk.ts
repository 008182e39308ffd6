/** Requests to a virtio disk of a Linux guest, here and under QEMU, on the same kinds of images. */
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {BuiltImage} from '../../src/manager/image/image-record.js';
import {createImage} from '../../src/paravirt/block/create-image.js';
import {addToImage} from './guest-image.js';
import {type GuestCommand, type LinuxGuest, type OwnProgram, ownCommand, qemuCommand} from './guest-process.js';
import {geomean, median, run} from './process.js';

const MEMORY_BYTES = 256 * 1024 ** 2;
const DISK_BYTES = 512 * 1024 ** 2;
/** Units: seconds */
const DEADLINE = 300;
const ROWS = 'fill seqwrite seqread randread randwrite randsync deepread deepwrite'.split(' ');

/** As the image's own init and shell do it: what shows the kernel its devices, then what the devices ask for. */
const LOAD_MODULES = `
while read -r module; do insmod "/lib/modules/boot/$module"; done </lib/modules/boot.list
cat /sys/bus/virtio/devices/*/modalias | xargs modprobe -q -a
while [ ! -e /dev/vda ]; do sleep 0.1; done`;

/** Runs all rows on raw and qcow2 images, new for each run, `rounds` times on both sides, interleaved. */
export async function benchDisk(self: OwnProgram, image: BuiltImage, guests: string, rounds: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vivarium-disk-'));
  try {
    const data = readFileSync(join(guests, 'disk-rv64'));
    const files = addToImage(
      image,
      folder,
      [{kind: 'file', path: 'bin/disk', mode: 0o755, data}],
      `${LOAD_MODULES}\n/bin/disk </dev/null`,
    );
    for (const format of ['raw', 'qcow2']) {
      const ours: Map<string, number>[] = [];
      const theirs: Map<string, number>[] = [];
      const path = join(folder, `disk.${format}`);
      const guest: LinuxGuest = {
        ...files,
        hartCount: 1,
        memoryBytes: MEMORY_BYTES,
        console: 'serial',
        disks: [{path, format}],
      };
      for (let round = 0; round < rounds; round++)
        for (const [times, command] of [
          [ours, ownCommand(self, guest)],
          [theirs, qemuCommand(guest)],
        ] as const) {
          rmSync(path, {force: true});
          await createImage(path, format, {sizeBytes: DISK_BYTES});
          times.push(await measure(command));
          process.stderr.write(`disk: ${format}, round ${round + 1} of ${rounds}\n`);
        }
      report(format, ours, theirs);
    }
  } finally {
    rmSync(folder, {recursive: true});
  }
}

async function measure(command: GuestCommand): Promise<Map<string, number>> {
  const {output} = await run(command, {deadline: DEADLINE});
  const times = new Map<string, number>();
  for (const [, name, microseconds] of output.matchAll(/^(\w+) \d+ us (\d+)/gm)) times.set(name!, Number(microseconds));
  const missing = ROWS.filter((row) => !times.has(row));
  if (missing.length > 0)
    throw new Error(`${command.command} did not run ${missing.join(', ')}:\n${output.slice(-2000)}`);
  return times;
}

function report(format: string, ours: readonly Map<string, number>[], theirs: readonly Map<string, number>[]): void {
  const ratios: number[] = [];
  console.log(`${`${format} disk`.padEnd(14)}    viv ms    qemu ms   ratio`);
  for (const row of ROWS) {
    const own = median(ours.map((times) => times.get(row)!));
    const other = median(theirs.map((times) => times.get(row)!));
    ratios.push(own / other);
    const cells = [(own / 1e3).toFixed(1).padStart(9), (other / 1e3).toFixed(1).padStart(10)];
    console.log(`${row.padEnd(14)} ${cells.join(' ')} ${(own / other).toFixed(2).padStart(7)}`);
  }
  console.log(`${format} disk, geomean of ${ROWS.length}: ${geomean(ratios).toFixed(2)}`);
}
