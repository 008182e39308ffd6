/** The daemon itself: greeting, status, end, and the checks of `viv doctor`. */
import * as z from 'zod';
import {defineNotification, defineRequest} from './define.js';
import {machineRefSchema} from './machine.js';

/** Grows when a message changes so that older programs would misread it. Both ends must have the same. */
export const PROTOCOL_VERSION = 1;

/**
 * The first request on every connection; anything else before it is refused. `bootId` differs for each life of a
 * daemon: when it changed after a reconnect, a client reloads. Errors: version-mismatch
 */
export const daemonHello = defineRequest(
  'daemon/hello',
  z.object({protocolVersion: z.number().int(), clientVersion: z.string().max(64)}),
  z.object({protocolVersion: z.number().int(), daemonVersion: z.string(), pid: z.number().int(), bootId: z.string()}),
);

/** Numbers about the daemon. Units: bytes; milliseconds since 1970. */
export const daemonStatus = defineRequest(
  'daemon/status',
  z.object({}),
  z.object({
    pid: z.number().int(),
    version: z.string(),
    startedAtMs: z.number(),
    socketPath: z.string(),
    homeFolder: z.string(),
    logPath: z.string(),
    machineCount: z.number().int(),
    runningCount: z.number().int(),
    clientCount: z.number().int(),
    residentBytes: z.number(),
    /** Where SSH clients reach it on the loopback interface, or in one sentence why they do not. */
    ssh: z.object({port: z.number().int().optional(), reason: z.string().optional()}).default({}),
  }),
);

/**
 * Puts files in place with which `ssh -F CONFIG -l NAME HOST` reaches a machine, and `ssh -F CONFIG -l USER NAME.vm` the
 * SSH server of its guest, without ~/.ssh. With `guest`, a machine, it looks whether there is one.
 * Errors: not-supported (there is no SSH server, with the reason), bad-setting (a key that others can read), storage-failed;
 * of the guest machine-not-found, wrong-state, connection-refused, machine-failed
 */
export const sshAccess = defineRequest(
  'ssh/access',
  z.object({guest: machineRefSchema.optional()}),
  z.object({configPath: z.string(), host: z.string()}),
);

/**
 * Ends the daemon after the answer. `keep`: running machines go on and the next daemon finds them; `shutdown`: asks
 * every guest first and answers when all are off; `kill`: pulls every plug; `save`: saves the
 * state of each, and the next daemon shows them as saved. Errors: shutdown-timeout; with `save` those of `machineSave`
 */
export const daemonStop = defineRequest(
  'daemon/stop',
  z.object({machines: z.enum(['keep', 'shutdown', 'kill', 'save']).default('keep')}),
  z.object({stillRunning: z.number().int()}),
);

/** One thing `viv doctor` looked at. `hint` says what to do about it. */
export const checkSchema = z.object({
  id: z.string(),
  title: z.string(),
  status: z.enum(['ok', 'warning', 'failed']),
  message: z.string(),
  hint: z.string().optional(),
});
/** See `checkSchema`. */
export type Check = z.output<typeof checkSchema>;

/** Looks at the host from the daemon's place. `openEmbedded().doctor()` does the same without a daemon. */
export const daemonDoctor = defineRequest('daemon/doctor', z.object({}), z.object({checks: z.array(checkSchema)}));

/** To every connection: the daemon ends now, on request. */
export const daemonEnding = defineNotification('daemon/ending', z.object({}));
