/**
 * What the manager asks of a guest's agent, as typed calls: each answer is the guest's word and is validated here.
 * Source: QEMU, qga/qapi-schema.json
 */
import {setTimeout as delay} from 'node:timers/promises';
import * as z from 'zod';
import {ManagerError} from '../protocol/errors.js';
import type {AgentRequest} from './agent-session.js';

/** Bytes of a file in one request; in base64 a third more. */
export const FILE_PIECE_BYTES = 192 * 1024;
/** How long a command may take that only looks something up. */
const QUICK_TIMEOUT_MS = 10_000;
/** How long one that moves a piece of a file may take. */
const FILE_TIMEOUT_MS = 30_000;
/** Pauses between looks at a command that runs: soon at first, then less often. */
const POLL_FIRST_MS = 4;
const POLL_MAX_MS = 200;
/** Looks at a program that was given up. */
const FORGET_LOOKS = 25;
/** Addresses and interfaces that are taken from a guest. */
const INTERFACES_MAX = 64;
const ADDRESSES_MAX = 16;

const base64 = z
  .string()
  .max(500_000)
  .regex(/^[A-Za-z0-9+/\s]*={0,2}$/);
const word = z
  .string()
  .max(100)
  .regex(/^[\x21-\x7e]*$/);

const execSchema = z.object({pid: z.number().int()});
const execStatusSchema = z.object({
  exited: z.boolean(),
  exitcode: z.number().int().optional(),
  signal: z.number().int().optional(),
  'out-data': base64.optional(),
  'err-data': base64.optional(),
});
const readSchema = z.object({count: z.number().int().min(0), 'buf-b64': base64, eof: z.boolean()});
const writeSchema = z.object({count: z.number().int().min(0)});
const interfacesSchema = z.array(
  z.object({
    name: word,
    'ip-addresses': z
      .array(
        z.object({
          'ip-address': word,
          'ip-address-type': z.enum(['ipv4', 'ipv6']),
          prefix: z.number().int().min(0).max(128),
        }),
      )
      .optional(),
  }),
);

/** An address of a guest's interface. */
export interface GuestAddress {
  readonly interface: string;
  readonly address: string;
}

/** A program to run in the guest; found in the agent's PATH. */
export interface GuestProgram {
  readonly path: string;
  readonly arguments: readonly string[];
  readonly input?: Uint8Array | undefined;
}

/** How a program ended, and what it printed, up to what agents keep. Units: status 0…255, 128 + n after signal n */
export interface GuestResult {
  readonly status: number;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

/** See the module. Errors of all calls: no-agent, agent-too-old, agent-failed, machine-failed */
export class GuestAgent {
  readonly #ask: (request: AgentRequest) => Promise<unknown>;

  constructor(ask: (request: AgentRequest) => Promise<unknown>) {
    this.#ask = ask;
  }

  /** Runs a program and waits for its end; an abort stops waiting, not the program. Agents keep a status until it is asked for. */
  async run({path, arguments: arg, input}: GuestProgram, signal?: AbortSignal): Promise<GuestResult> {
    const params = {
      path,
      arg: [...arg],
      'capture-output': true,
      ...(input === undefined ? {} : {'input-data': Buffer.from(input).toString('base64')}),
    };
    const {pid} = await this.#call('guest-exec', params, execSchema, FILE_TIMEOUT_MS);
    for (let pauseMs = POLL_FIRST_MS; ; pauseMs = Math.min(pauseMs * 1.5, POLL_MAX_MS)) {
      if (signal?.aborted) {
        void this.#forget(pid);
        throw signal.reason;
      }
      const status = await this.#call('guest-exec-status', {pid}, execStatusSchema, FILE_TIMEOUT_MS);
      if (status.exited)
        return {
          status: (status.signal === undefined ? (status.exitcode ?? 0) : 128 + status.signal) & 0xff,
          stdout: Buffer.from(status['out-data'] ?? '', 'base64'),
          stderr: Buffer.from(status['err-data'] ?? '', 'base64'),
        };
      // Aborted or over: the next round tells.
      await delay(pauseMs, undefined, signal === undefined ? {} : {signal}).catch(() => undefined);
    }
  }

  /** Takes the status of a program that nobody waits for, if it ends soon: agents keep it until then. */
  async #forget(pid: number): Promise<void> {
    try {
      for (let look = 0; look < FORGET_LOOKS; look++) {
        const {exited} = await this.#call('guest-exec-status', {pid}, execStatusSchema, QUICK_TIMEOUT_MS);
        if (exited) return;
        await delay(POLL_MAX_MS);
      }
    } catch (thrown) {
      // The guest is gone, and what its agent kept as well.
      if (!(thrown instanceof ManagerError)) throw thrown;
    }
  }

  /** Sees whether it answers. */
  async ping(): Promise<void> {
    await this.#call('guest-ping', undefined, z.unknown(), QUICK_TIMEOUT_MS);
  }

  /** Opens a file of the guest, as fopen does; the number it is known by. Whoever may write must close it for all to be there. */
  openFile(path: string, mode: 'r' | 'w' | 'a' | 'r+' | 'w+' | 'a+'): Promise<number> {
    return this.#call('guest-file-open', {path, mode}, z.number().int(), QUICK_TIMEOUT_MS);
  }

  /** The next piece, `count` bytes at most, up to `FILE_PIECE_BYTES`; an empty one is the end. */
  async readFile(handle: number, count = FILE_PIECE_BYTES): Promise<Uint8Array> {
    const params = {handle, count};
    const answer = await this.#call('guest-file-read', params, readSchema, FILE_TIMEOUT_MS);
    return Buffer.from(answer['buf-b64'], 'base64').subarray(0, count);
  }

  /** Goes on reading and writing from that byte on. */
  async seekFile(handle: number, offset: number): Promise<void> {
    // As a number, which older agents know as well: from the beginning.
    await this.#call('guest-file-seek', {handle, offset, whence: 0}, z.unknown(), QUICK_TIMEOUT_MS);
  }

  /** Writes all of a piece. */
  async writeFile(handle: number, bytes: Uint8Array): Promise<void> {
    const params = {handle, 'buf-b64': Buffer.from(bytes).toString('base64')};
    const {count} = await this.#call('guest-file-write', params, writeSchema, FILE_TIMEOUT_MS);
    if (count !== bytes.length)
      throw new ManagerError('agent-failed', 'The guest took only a part of a file.', 'Make room on its disk.');
  }

  /** Has what was written leave the agent's buffers. */
  async flushFile(handle: number): Promise<void> {
    await this.#call('guest-file-flush', {handle}, z.unknown(), FILE_TIMEOUT_MS);
  }

  async closeFile(handle: number): Promise<void> {
    await this.#call('guest-file-close', {handle}, z.unknown(), QUICK_TIMEOUT_MS);
  }

  /** Addresses by which others may reach the guest: none that lead back to itself or only to its own link. */
  async addresses(): Promise<GuestAddress[]> {
    const all = await this.#call('guest-network-get-interfaces', undefined, interfacesSchema, QUICK_TIMEOUT_MS);
    return all.slice(0, INTERFACES_MAX).flatMap(({name, 'ip-addresses': addresses = []}) =>
      addresses
        .slice(0, ADDRESSES_MAX)
        .filter((entry) => !isOwn(entry['ip-address']))
        .map((entry) => ({interface: name, address: entry['ip-address']})),
    );
  }

  async #call<Answer>(
    command: string,
    params: Record<string, unknown> | undefined,
    schema: z.ZodType<Answer>,
    timeoutMs: number,
  ): Promise<Answer> {
    const answer = schema.safeParse(await this.#ask({command, arguments: params, timeoutMs}));
    if (answer.success) return answer.data;
    throw new ManagerError(
      'agent-failed',
      `Its guest agent answers ${command} with nonsense.`,
      'Look at it in its console.',
    );
  }
}

function isOwn(address: string): boolean {
  return address.startsWith('127.') || address === '::1' || /^fe[89ab]/i.test(address);
}
