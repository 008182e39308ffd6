/** Starts the daemon as a process of its own, as the first client of a session does. */
import {spawn} from 'node:child_process';
import {closeSync, openSync} from 'node:fs';
import * as z from 'zod';
import {bundledEntry} from '../bundle.js';
import type {Paths} from '../paths.js';
import {isErrorCode, ManagerError} from '../protocol/errors.js';
import {makeFolder} from '../store/atomic-file.js';

/** What the daemon says once over its start channel: it listens, or why it cannot. */
export const startReportSchema = z.union([
  z.object({isReady: z.literal(true)}),
  z.object({isReady: z.literal(false), code: z.string(), message: z.string(), hint: z.string()}),
]);
/** See `startReportSchema`. */
export type StartReport = z.output<typeof startReportSchema>;

/**
 * Starts it and resolves with `started` when it listens, or with `exists` when another one has this home already; that
 * one may be about to listen. Its messages go to the daemon log. Errors: what keeps the daemon from starting, daemon-unreachable
 */
export async function startDaemon(paths: Paths, environment: NodeJS.ProcessEnv): Promise<'started' | 'exists'> {
  await makeFolder(paths.home);
  const log = openSync(paths.daemonLog, 'a', 0o600);
  const child = spawn(process.execPath, ['--no-warnings', bundledEntry('vivd')], {
    cwd: '/',
    detached: true,
    env: environment,
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  try {
    const report = await new Promise<StartReport>((resolve, reject) => {
      child.once('message', (message) => {
        const parsed = startReportSchema.safeParse(message);
        if (parsed.success) resolve(parsed.data);
      });
      child.once('error', reject);
      child.once('exit', (code, signal) => reject(new Error(`it ended at once (${signal ?? `status ${code}`})`)));
    });
    if (report.isReady) return 'started';
    if (report.code === 'daemon-already-running') return 'exists';
    throw new ManagerError(isErrorCode(report.code) ? report.code : 'internal', report.message, report.hint);
  } catch (thrown) {
    if (thrown instanceof ManagerError) throw thrown;
    const detail = thrown instanceof Error ? thrown.message : String(thrown);
    throw new ManagerError(
      'daemon-unreachable',
      `The daemon could not be started: ${detail}.`,
      `Its messages are in ${paths.daemonLog}.`,
    );
  } finally {
    if (child.connected) child.disconnect();
    child.unref();
  }
}
