/** Tells a process from a later one that got the same pid. */
import {readFileSync} from 'node:fs';
import {setTimeout as delay} from 'node:timers/promises';

const POLL_MS = 10;

/** A process. `startToken` is missing where the system does not tell; the pid alone then has to do. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startToken?: string | undefined;
}

/** Field 22 of /proc/PID/stat, counted after the command name, which may hold blanks and parentheses. */
const START_TIME_FIELD = 19;

/**
 * The identity of a process that is there now, or `undefined` when there is none (or only its unreaped remains).
 * Source: proc(5): starttime in clock ticks since boot, made unique over boots by the kernel's boot id
 */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return {pid, startToken: `${bootId}/${fields[START_TIME_FIELD]}`};
  } catch {
    return isSignalable(pid) && process.platform !== 'linux' ? {pid} : undefined;
  }
}

/** True while the very same process is there. */
export function isAlive(process: ProcessIdentity): boolean {
  const now = identifyProcess(process.pid);
  if (now === undefined) return false;
  return process.startToken === undefined || now.startToken === undefined || process.startToken === now.startToken;
}

/** Whether a process has ended within a time; resolves as soon as it has. Units: milliseconds */
export async function isGoneWithin(process: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (isAlive(process)) {
    if (performance.now() > deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

function isSignalable(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (thrown) {
    return thrown instanceof Error && 'code' in thrown && thrown.code === 'EPERM';
  }
}
