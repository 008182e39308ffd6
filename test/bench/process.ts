/** Runs a command to its end and reads what it printed; benchmarks have no other use for processes. */
import {spawn} from 'node:child_process';
import type {GuestCommand} from './guest-process.js';

/** A finished command. Times are wall time in milliseconds. */
export interface Finished {
  readonly output: string;
  readonly status: number | null;
  readonly milliseconds: number;
}

/** How to run a command. */
export interface RunOptions {
  /** Ends the command as soon as its output matches; the time is taken then. */
  readonly until?: RegExp;
  /** Typed once the output matches `at`. */
  readonly typed?: {readonly at: RegExp; readonly text: string};
  /** Longer than this is a failure. Units: seconds */
  readonly deadline?: number;
}

/** Characters of output that an error quotes. */
const TAIL_CHARS = 3000;

/** Runs a command. Errors: it did not start, ended before `until` matched, or ran past its deadline */
export function run({command, args, env}: GuestCommand, {until, typed, deadline}: RunOptions = {}): Promise<Finished> {
  const began = performance.now();
  const child = spawn(command, args, {env, stdio: ['pipe', 'pipe', 'inherit']});
  return new Promise((resolve, reject) => {
    let output = '';
    let seenAt: number | undefined;
    let isLate = false;
    let isTyped = false;
    const timer =
      deadline === undefined
        ? undefined
        : setTimeout(() => {
            isLate = true;
            child.kill('SIGKILL');
          }, deadline * 1000);
    // A command that ends without reading its input closes the pipe first.
    child.stdin.on('error', () => undefined);
    child.stdout.setEncoding('latin1');
    child.stdout.on('data', (chunk: string) => {
      output += chunk;
      if (typed && !isTyped && typed.at.test(output)) {
        isTyped = true;
        child.stdin.write(typed.text);
      }
      if (seenAt === undefined && until?.test(output)) {
        seenAt = performance.now();
        child.kill('SIGKILL');
      }
    });
    child.on('error', reject);
    child.on('close', (status) => {
      clearTimeout(timer);
      const failed = (how: string) => reject(new Error(`${command} ${how}:\n${output.slice(-TAIL_CHARS)}`));
      if (isLate) failed(`was not done after ${deadline} s`);
      else if (until && seenAt === undefined) failed(`ended (${status}) before ${until}`);
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
