/** Requests to agents in guests, and the sessions whose bytes travel beside them. */

import {GuestCommand, type OutputStream} from '../../agent/guest-command.js';
import {copyFromGuest, copyIntoGuest} from '../../agent/guest-copy.js';
import {agentOutput, MAX_AGENT_INPUT_BYTES} from '../../protocol/agent.js';
import {ManagerError} from '../../protocol/errors.js';
import type {AgentService} from '../../services/agent-service.js';
import {untilAborted} from '../../until-aborted.js';
import type {Connection} from '../connection.js';
import type {Handlers} from '../router.js';

/** Commands and copies under way at a time, of all clients. */
export const AGENT_SESSIONS_MAX = 64;

interface AgentSessionEntry {
  readonly connection: Connection;
  /** Resolves when the guest has taken it. */
  input(bytes: Uint8Array, isEnd: boolean): Promise<void>;
  taken(): void;
}

/** See the module. */
export function agentHandlers(agents: AgentService) {
  const sessions = new Map<string, AgentSessionEntry>();

  const open = (id: string, entry: AgentSessionEntry): Disposable => {
    if (sessions.has(id))
      throw new ManagerError('bad-request', 'This session is under way already.', 'Choose another number.');
    if (sessions.size >= AGENT_SESSIONS_MAX)
      throw new ManagerError('agent-failed', 'Too many commands and copies are under way.', 'Wait for one to end.');
    sessions.set(id, entry);
    return {[Symbol.dispose]: () => void sessions.delete(id)};
  };
  const find = (id: string, connection: Connection): AgentSessionEntry => {
    const session = sessions.get(id);
    if (session?.connection === connection) return session;
    throw new ManagerError('bad-request', 'Nothing is under way with this number (any more).', 'Begin it again.');
  };

  return {
    agentExec: async ({machine, sessionId, command, hasInput, waitMs}, connection, signal) => {
      const outputs = new Output(sessionId, connection, signal);
      // Input may come while the agent is still waited for.
      const started = Promise.withResolvers<GuestCommand>();
      started.promise.catch(() => undefined);
      using _session = open(sessionId, {
        connection,
        input: async (bytes, isEnd) => {
          const running = await started.promise;
          await running.write(bytes);
          if (isEnd) await running.endInput();
        },
        taken: () => outputs.taken(),
      });
      try {
        const agent = waitMs > 0 ? await agents.whenThere(machine, waitMs, signal) : agents.of(machine);
        const onOutput = (stream: OutputStream, bytes: Uint8Array) => outputs.send(stream, bytes);
        await using running = GuestCommand.start(agent, {command, hasInput, onOutput});
        started.resolve(running);
        return {status: await untilAborted(running.exited, signal)};
      } catch (thrown) {
        started.reject(thrown);
        throw thrown;
      }
    },
    agentCopyIn: async ({machine, sessionId, path, name, mode}, connection, signal) => {
      const agent = agents.of(machine);
      const pieces = new Pieces(signal);
      using _session = open(sessionId, {
        connection,
        input: (bytes, isEnd) => pieces.put(bytes, isEnd),
        taken: () => undefined,
      });
      try {
        return {bytes: await copyIntoGuest(agent, {path, name, mode}, pieces)};
      } finally {
        pieces.close();
      }
    },
    agentCopyOut: async ({machine, sessionId, path}, connection, signal) => {
      const agent = agents.of(machine);
      const outputs = new Output(sessionId, connection, signal);
      using _session = open(sessionId, {connection, input: async () => undefined, taken: () => outputs.taken()});
      return {bytes: await copyFromGuest(agent, path, (piece) => outputs.send('stdout', piece), signal)};
    },
    agentInput: async ({sessionId, data, isEnd}, connection) => {
      const bytes = Buffer.from(data, 'base64');
      if (bytes.length > MAX_AGENT_INPUT_BYTES)
        throw new ManagerError(
          'bad-request',
          `One piece holds at most ${MAX_AGENT_INPUT_BYTES} bytes.`,
          'Send it in parts.',
        );
      await find(sessionId, connection).input(bytes, isEnd);
      return {};
    },
    agentTaken: async ({sessionId}, connection) => {
      find(sessionId, connection).taken();
      return {};
    },
    agentAddresses: async ({machine}) => ({machines: await agents.addresses(machine)}),
  } satisfies Handlers<'agentExec' | 'agentCopyIn' | 'agentCopyOut' | 'agentInput' | 'agentTaken' | 'agentAddresses'>;
}

/** Sends pieces to a client, the next when it has taken the one before. */
class Output {
  readonly #sessionId: string;
  readonly #connection: Connection;
  readonly #signal: AbortSignal;
  #turn: Promise<unknown> = Promise.resolve();
  #taken: (() => void) | undefined;

  constructor(sessionId: string, connection: Connection, signal: AbortSignal) {
    this.#sessionId = sessionId;
    this.#connection = connection;
    this.#signal = signal;
  }

  send(stream: OutputStream, bytes: Uint8Array): Promise<void> {
    const mine = this.#turn.then(() => {
      const taken = Promise.withResolvers<void>();
      this.#taken = taken.resolve;
      const data = Buffer.from(bytes).toString('base64');
      this.#connection.channel.notify(agentOutput, {sessionId: this.#sessionId, stream, data});
      return untilAborted(taken.promise, this.#signal);
    });
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  taken(): void {
    this.#taken?.();
    this.#taken = undefined;
  }
}

/** Pieces from a client, each held until it has been used. */
class Pieces implements AsyncIterable<Uint8Array> {
  readonly #signal: AbortSignal;
  #next = Promise.withResolvers<{readonly bytes: Uint8Array; readonly isEnd: boolean; readonly used: () => void}>();
  #turn: Promise<unknown> = Promise.resolve();
  #isClosed = false;
  #release: () => void = () => undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  put(bytes: Uint8Array, isEnd: boolean): Promise<void> {
    const mine = this.#turn.then(async () => {
      if (this.#isClosed) return;
      const used = Promise.withResolvers<void>();
      this.#release = used.resolve;
      this.#next.resolve({bytes, isEnd, used: used.resolve});
      await used.promise;
    });
    this.#turn = mine;
    return mine;
  }

  /** Nobody uses pieces any more. */
  close(): void {
    this.#isClosed = true;
    this.#release();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const {bytes, isEnd, used} = await untilAborted(this.#next.promise, this.#signal);
      this.#next = Promise.withResolvers();
      yield bytes;
      used();
      if (isEnd) return;
    }
  }
}
