/** What a Linux guest does all day (system calls, faults, forks, pipes, signals), here and under QEMU. */
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {BuiltImage} from '../../src/manager/image/image-record.js';
import {addToImage} from './guest-image.js';
import {type GuestCommand, type LinuxGuest, type OwnProgram, ownCommand, qemuCommand} from './guest-process.js';
import {geomean, median, run} from './process.js';

const MEMORY_BYTES = 256 * 1024 ** 2;
/** Several times what the slowest side takes on a busy host. Units: seconds */
const DEADLINE = 300;
const ROWS = 'getppid vdsotime pipe thrpipe fork forkexec pgfault signal readzero memcpy stat'.split(' ');

/** Runs all rows `rounds` times on both sides, interleaved, and prints medians and ratios. */
export async function benchOs(self: OwnProgram, image: BuiltImage, guests: string, rounds: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vivarium-os-'));
  try {
    const data = readFileSync(join(guests, 'micro-rv64'));
    const files = addToImage(
      image,
      folder,
      [{kind: 'file', path: 'bin/micro', mode: 0o755, data}],
      '/bin/micro </dev/null',
    );
    const guest: LinuxGuest = {...files, hartCount: 1, memoryBytes: MEMORY_BYTES, console: 'serial'};
    const ours: Map<string, number>[] = [];
    const theirs: Map<string, number>[] = [];
    for (let round = 0; round < rounds; round++) {
      ours.push(await measure(ownCommand(self, guest)));
      theirs.push(await measure(qemuCommand(guest)));
      process.stderr.write(`os: round ${round + 1} of ${rounds} done\n`);
    }
    report(ours, theirs);
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

function report(ours: readonly Map<string, number>[], theirs: readonly Map<string, number>[]): void {
  const ratios: number[] = [];
  console.log('in a Linux guest   viv ms    qemu ms   ratio');
  for (const row of ROWS) {
    const own = median(ours.map((times) => times.get(row)!));
    const other = median(theirs.map((times) => times.get(row)!));
    ratios.push(own / other);
    const cells = [(own / 1e3).toFixed(1).padStart(9), (other / 1e3).toFixed(1).padStart(10)];
    console.log(`${row.padEnd(14)} ${cells.join(' ')} ${(own / other).toFixed(2).padStart(7)}`);
  }
  console.log(`in a Linux guest, geomean of ${ROWS.length}: ${geomean(ratios).toFixed(2)}`);
}
