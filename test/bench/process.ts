/** Runs a command to its end and reads what it printed; benchmarks have no other use for processes. */
import {spawn} from 'node:child_process';

/** A finished command. Times are wall time in milliseconds. */
export interface Finished {
  readonly output: string;
  readonly status: number | null;
  readonly milliseconds: number;
}

/** Runs a command. `until` ends it as soon as its output matches, and the time is taken then. */
export function run(
  command: string,
  args: readonly string[],
  until?: RegExp,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Finished> {
  const began = performance.now();
  const child = spawn(command, args, {env, stdio: ['pipe', 'pipe', 'inherit']});
  return new Promise((resolve, reject) => {
    let output = '';
    let seenAt: number | undefined;
    child.stdout.setEncoding('latin1');
    child.stdout.on('data', (chunk: string) => {
      output += chunk;
      if (seenAt === undefined && until?.test(output)) {
        seenAt = performance.now();
        child.kill('SIGKILL');
      }
    });
    child.on('error', reject);
    child.on('close', (status) => {
      if (until && seenAt === undefined)
        reject(new Error(`${command} ended (${status}) before ${until}:\n${output.slice(-2000)}`));
      else resolve({output, status, milliseconds: (seenAt ?? performance.now()) - began});
    });
  });
}

/** Middle value of a list. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Geometric mean. */
export function geomean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
