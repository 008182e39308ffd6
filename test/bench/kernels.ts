/** The bare-metal kernels, here and under QEMU: each prints its result and its own time. */
import {join} from 'node:path';
import {geomean, median, run} from './process.js';

const integer = 'sieve crc matmul fib sort list vm interp muldiv hash128 sha str copy8 copyalias rand64m'.split(' ');
const isFloat = (name: string) => /^(nbody|mandel|fft|lu|sgemm|fmix)/.test(name);

type Times = Map<string, {readonly result: string; readonly microseconds: number}>;

function parse(output: string): Times {
  const times: Times = new Map();
  for (const [, name, result, microseconds] of output.matchAll(/^(\w+) ([0-9a-f]{16}) us (\d+)/gm))
    times.set(name!, {result: result!, microseconds: Number(microseconds)});
  return times;
}

/** Runs all kernels `rounds` times on both sides, interleaved, and prints medians and ratios. False on wrong results. */
export async function benchKernels(root: string, guests: string, rounds: number): Promise<boolean> {
  const elf = join(guests, 'virt-gc.elf');
  const ours: Times[] = [];
  const theirs: Times[] = [];
  for (let round = 0; round < rounds; round++) {
    ours.push(
      parse(
        (
          await run({
            command: process.execPath,
            args: [join(root, 'bin/viv'), 'run', '--firmware', elf],
            env: process.env,
          })
        ).output,
      ),
    );
    const qemu = ['-M', 'virt', '-m', '256M', '-bios', 'none', '-nographic', '-kernel', elf];
    theirs.push(parse((await run({command: 'qemu-system-riscv64', args: qemu, env: process.env})).output));
    process.stderr.write(`kernels: round ${round + 1} of ${rounds} done\n`);
  }
  let isRight = true;
  const ratios = new Map<string, number>();
  console.log('kernel           viv ms    qemu ms   ratio');
  for (const [name, {result}] of theirs[0]!) {
    const own = median(ours.map((times) => times.get(name)?.microseconds ?? Number.NaN));
    const other = median(theirs.map((times) => times.get(name)!.microseconds));
    const isSame = ours.every((times) => times.get(name)?.result === result);
    isRight &&= isSame;
    ratios.set(name, own / other);
    const row = [(own / 1e3).toFixed(1).padStart(9), (other / 1e3).toFixed(1).padStart(10)];
    console.log(
      `${name.padEnd(14)} ${row.join(' ')} ${(own / other).toFixed(2).padStart(7)}${isSame ? '' : '  WRONG RESULT'}`,
    );
  }
  const mean = (names: readonly string[]) => geomean(names.map((name) => ratios.get(name)!)).toFixed(2);
  console.log(`integer kernels, geomean of ${integer.length}: ${mean(integer)}`);
  const floats = [...ratios.keys()].filter(isFloat);
  console.log(`floating-point kernels, geomean of ${floats.length}: ${mean(floats)}`);
  return isRight;
}
