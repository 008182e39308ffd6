/**
 * One build at a time in a cache folder, across processes: a lock file with the owner's process id. The file of a
 * process that has died is taken over.
 */
import {link, readFile, rename, rm, writeFile} from 'node:fs/promises';
import {setTimeout as delay} from 'node:timers/promises';
import {throwIfCancelled} from './host-process.js';

const POLL_MS = 200;

/**
 * Waits for the lock and takes it; dispose the result to give it back. `onWait` is called once when another process
 * has it.
 * Errors: cancelled; file system errors as they are
 */
export async function takeBuildLock(
  path: string,
  signal: AbortSignal | undefined,
  onWait: () => void,
): Promise<AsyncDisposable> {
  // The content appears with the name, at once: a reader never sees a lock without an owner.
  const own = `${path}.${process.pid}.${crypto.randomUUID()}`;
  await writeFile(own, await ownerLine(process.pid));
  let hasWaited = false;
  try {
    for (;;) {
      throwIfCancelled(signal);
      if (await tryLink(own, path)) break;
      if (!(await isHeld(path))) {
        await removeStale(path, own);
        continue;
      }
      if (!hasWaited) onWait();
      hasWaited = true;
      await delay(POLL_MS, undefined, signal === undefined ? {} : {signal}).catch(() => undefined); // aborted: seen above
    }
  } finally {
    await rm(own, {force: true});
  }
  return {[Symbol.asyncDispose]: () => rm(path, {force: true})};
}

async function tryLink(own: string, path: string): Promise<boolean> {
  try {
    await link(own, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

async function isHeld(path: string): Promise<boolean> {
  const line = await readLine(path);
  if (line === undefined) return false;
  const pid = Number(line.split(' ')[0]);
  return Number.isInteger(pid) && pid > 0 && (await ownerLine(pid)) === line && isAlive(pid);
}

/** Moves the dead owner's file away; when a live one got there in between, its file is put back. */
async function removeStale(path: string, own: string): Promise<void> {
  const aside = `${own}.stale`;
  try {
    await rename(path, aside);
  } catch {
    return; // already gone
  }
  if (await isHeld(aside)) await tryLink(aside, path);
  await rm(aside, {force: true});
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** `PID START`: the start time tells apart two processes that had one id; hosts without /proc do without it. */
async function ownerLine(pid: number): Promise<string> {
  const stat = await readLine(`/proc/${pid}/stat`);
  // The command's name, in parentheses, may hold anything; field 22 counts from its end.
  const start = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '-';
  return `${pid} ${start}`;
}

async function readLine(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch {
    return undefined;
  }
}
