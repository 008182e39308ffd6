/** A parallel load on several harts against one, in the same guest: how much of another core a hart is worth. */
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {BuiltImage} from '../../src/manager/image/image-record.js';
import {addToImage} from './guest-image.js';
import {type GuestCommand, type LinuxGuest, type OwnProgram, ownCommand, qemuCommand} from './guest-process.js';
import {median, run} from './process.js';

const MEMORY_BYTES = 256 * 1024 ** 2;
/** Units: seconds */
const DEADLINE = 300;

/** Prints the speed-up of `hartCount` harts here and under QEMU. False on wrong results. */
export async function benchSmp(
  self: OwnProgram,
  image: BuiltImage,
  guests: string,
  rounds: number,
  hartCount: number,
): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'vivarium-smp-'));
  try {
    const data = readFileSync(join(guests, 'parallel-rv64'));
    const files = addToImage(
      image,
      folder,
      [{kind: 'file', path: 'bin/parallel', mode: 0o755, data}],
      `/bin/parallel ${hartCount} </dev/null`,
    );
    const guest: LinuxGuest = {...files, hartCount, memoryBytes: MEMORY_BYTES, console: 'serial'};
    const ours: Speedup[] = [];
    const theirs: Speedup[] = [];
    // What the host itself gives: other load on it shows here.
    const host: Speedup[] = [];
    const native = {command: join(guests, 'parallel-native'), args: [String(hartCount)], env: process.env};
    for (let round = 0; round < rounds; round++) {
      ours.push(await measure(ownCommand(self, guest)));
      theirs.push(await measure(qemuCommand(guest)));
      host.push(await measure(native));
      process.stderr.write(`smp: round ${round + 1} of ${rounds} done\n`);
    }
    const results = new Set([...ours, ...theirs, ...host].flatMap((run) => run.results));
    const factor = (runs: readonly Speedup[]) => median(runs.map((run) => run.alone / run.shared)).toFixed(2);
    const alone = (runs: readonly Speedup[]) => (median(runs.map((run) => run.alone)) / 1e3).toFixed(0);
    console.log(
      `speed-up of ${hartCount} harts: ${factor(ours)}, qemu ${factor(theirs)}, host's own cores ${factor(host)}`,
    );
    console.log(`one hart of ${hartCount}: ${alone(ours)} ms, qemu ${alone(theirs)} ms`);
    if (results.size !== 1) console.log('WRONG RESULT');
    return results.size === 1;
  } finally {
    rmSync(folder, {recursive: true});
  }
}

/** Microseconds of the same work on one hart and on all. */
interface Speedup {
  readonly alone: number;
  readonly shared: number;
  readonly results: readonly string[];
}

async function measure(command: GuestCommand): Promise<Speedup> {
  const {output} = await run(command, {deadline: DEADLINE});
  const row = (name: string) => {
    const match = new RegExp(`^${name} ([0-9a-f]{16}) us (\\d+)`, 'm').exec(output);
    if (!match) throw new Error(`${command.command} did not finish:\n${output.slice(-2000)}`);
    return {result: match[1]!, microseconds: Number(match[2])};
  };
  const [alone, shared] = [row('alone'), row('shared')];
  return {alone: alone.microseconds, shared: shared.microseconds, results: [alone.result, shared.result]};
}
