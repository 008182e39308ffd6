/** `viv run debian-mini -- true` as a whole process: booting, and going on from the state that an earlier run kept. */
import {mkdirSync, mkdtempSync, rmSync, symlinkSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {median, run} from './process.js';

/** Units: seconds */
const DEADLINE = 120;

/** Prints both times and their ratio. `cache` has the built image. False when a run failed. */
export async function benchWarm(root: string, cache: string, rounds: number): Promise<boolean> {
  const home = mkdtempSync(join(tmpdir(), 'vivarium-warm-'));
  try {
    // The image is shared; kept states are this run's own.
    mkdirSync(join(home, 'cache'));
    for (const name of ['images', 'apt']) symlinkSync(join(cache, name), join(home, 'cache', name));
    const command = {
      command: join(root, 'bin/viv'),
      args: ['run', 'debian-mini', '--', 'true'],
      env: {...process.env, VIVARIUM_HOME: home},
    };
    const cold: number[] = [];
    const warm: number[] = [];
    for (let round = 0; round < rounds; round++) {
      rmSync(join(home, 'cache', 'warm'), {recursive: true, force: true});
      for (const times of [cold, warm]) {
        const {status, milliseconds} = await run(command, {deadline: DEADLINE});
        if (status !== 0) return false;
        times.push(milliseconds);
      }
      process.stderr.write(`warm: round ${round + 1} of ${rounds} done\n`);
    }
    const [booting, going] = [median(cold), median(warm)];
    console.log(
      `viv run debian-mini -- true: ${booting.toFixed(0)} ms booting, ${going.toFixed(0)} ms from a kept state, ratio ${(going / booting).toFixed(2)}`,
    );
    return true;
  } finally {
    rmSync(home, {recursive: true});
  }
}
