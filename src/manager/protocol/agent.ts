/**
 * What the agent in a guest does for its user. Commands and copies are requests that last as long as they do; their bytes
 * travel beside them, under a session number that the client chooses, one piece at a time:
 *
 *   client  agentExec {sessionId} ───────────────────────────────▶ … answer {status}
 *   daemon    agentOutput {sessionId, bytes} ─▶   ◀─ agentTaken {sessionId}     the next piece waits for it
 *   client    agentInput {sessionId, bytes}  ─▶   ◀─ answered when the guest has it
 *
 * A request that is cancelled, or whose connection ends, ends its command or copy, and nothing half-made stays.
 */
import * as z from 'zod';
import {bytesSchema} from './console.js';
import {defineNotification, defineRequest} from './define.js';
import {machineRefSchema} from './machine.js';

/** Largest piece of input in one request. Units: bytes before base64. */
export const MAX_AGENT_INPUT_BYTES = 98_304;

const sessionId = z.uuid();
const guestPath = z.string().min(1).max(4096);

/**
 * Runs a command in the guest, as its root, without a terminal; resolves when it has ended. Without `hasInput` it reads
 * nothing. Errors: wrong-state, no-agent, agent-too-old, agent-failed, bad-request
 */
export const agentExec = defineRequest(
  'agent/exec',
  z.object({
    machine: machineRefSchema,
    sessionId,
    command: z.array(z.string().max(65_536)).min(1).max(4096),
    hasInput: z.boolean().default(false),
    /** How long to wait for an agent that is not there yet. */
    waitMs: z.number().int().min(0).max(3_600_000).default(0),
  }),
  z.object({status: z.number().int()}),
);

/**
 * Writes a file of the guest from `agentInput`; `name` is its name when `path` is a folder. It is there when it is whole.
 * Errors: as `agentExec`, and file-not-found
 */
export const agentCopyIn = defineRequest(
  'agent/copyIn',
  z.object({
    machine: machineRefSchema,
    sessionId,
    path: guestPath,
    name: z.string().min(1).max(255),
    mode: z.number().int().min(0).max(0o777).default(0o644),
  }),
  z.object({bytes: z.number()}),
);

/** Reads a plain file of the guest into `agentOutput`. Errors: as `agentExec`, and file-not-found */
export const agentCopyOut = defineRequest(
  'agent/copyOut',
  z.object({machine: machineRefSchema, sessionId, path: guestPath}),
  z.object({bytes: z.number()}),
);

/** Input of a session of this connection; resolves when the guest has taken it. Errors: bad-request (no such session) */
export const agentInput = defineRequest(
  'agent/input',
  z.object({sessionId, data: bytesSchema, isEnd: z.boolean().default(false)}),
  z.object({}),
);

/** The last piece of output has been dealt with. Errors: bad-request (no such session) */
export const agentTaken = defineRequest('agent/taken', z.object({sessionId}), z.object({}));

/** To the client of a session: what its command printed, or the next piece of its file. */
export const agentOutput = defineNotification(
  'agent/output',
  z.object({sessionId: z.string(), stream: z.enum(['stdout', 'stderr']), data: bytesSchema}),
);

/** Where guests can be reached, as their agents say; machines without one, or that take too long, are not named. */
export const agentAddresses = defineRequest(
  'agent/addresses',
  z.object({machine: machineRefSchema.optional()}),
  z.object({
    machines: z.array(
      z.object({id: z.string(), addresses: z.array(z.object({interface: z.string(), address: z.string()}))}),
    ),
  }),
);
