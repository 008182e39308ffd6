/**
 * One process at a time. The lock file names its holder and appears with its content in one step (a hard link); a
 * lock whose holder is gone is taken over. Two processes that find the same dead lock are kept apart by a second
 * lock that exists only during the take-over.
 */
import {linkSync, mkdirSync, readFileSync, statSync, unlinkSync, writeFileSync} from 'node:fs';
import {dirname} from 'node:path';
import * as z from 'zod';
import {identifyProcess, isAlive, type ProcessIdentity} from './process-identity.js';

/** A take-over is three file operations; one that is older than this has died half-way. */
const TAKE_OVER_MAX_AGE_MS = 10_000;

const holderSchema = z.object({pid: z.number().int().positive(), startToken: z.string().optional()});

/** A held lock; disposing it lets go. */
export interface LockFile extends Disposable {
  readonly path: string;
}

/** Takes the lock, or answers with the pid of the living process that has it (0: one that is just taking it). */
export function acquireLock(path: string): LockFile | {readonly heldBy: number} {
  mkdirSync(dirname(path), {recursive: true, mode: 0o700});
  if (create(path)) return held(path);
  const holder = readHolder(path);
  if (holder !== undefined && isAlive(holder)) return {heldBy: holder.pid};
  const takeOver = `${path}.takeover`;
  if (!create(takeOver)) {
    if (!isOld(takeOver)) return {heldBy: readHolder(takeOver)?.pid ?? 0};
    remove(takeOver);
    return acquireLock(path);
  }
  try {
    // Read again: another take-over may have finished between our first look and ours.
    const now = readHolder(path);
    if (now !== undefined && isAlive(now)) return {heldBy: now.pid};
    remove(path);
    return create(path) ? held(path) : {heldBy: readHolder(path)?.pid ?? 0};
  } finally {
    remove(takeOver);
  }
}

function held(path: string): LockFile {
  return {
    path,
    [Symbol.dispose]: () => {
      if (readHolder(path)?.pid === process.pid) remove(path);
    },
  };
}

function create(path: string): boolean {
  const complete = `${path}.${process.pid}`;
  const self: ProcessIdentity = identifyProcess(process.pid) ?? {pid: process.pid};
  writeFileSync(complete, JSON.stringify(self), {mode: 0o600});
  try {
    linkSync(complete, path);
    return true;
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST') return false;
    throw thrown;
  } finally {
    remove(complete);
  }
}

function readHolder(path: string): z.output<typeof holderSchema> | undefined {
  try {
    return holderSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    // Gone, or not written by us (a lock of ours is never half-written): nobody holds it.
    return undefined;
  }
}

function isOld(path: string): boolean {
  try {
    return Date.now() - statSync(path).mtimeMs > TAKE_OVER_MAX_AGE_MS;
  } catch {
    return true;
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT')) throw thrown;
  }
}
