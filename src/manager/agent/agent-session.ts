/**
 * Talks to a guest agent over a port of its machine, one request after the other. The guest is hostile: an answer has a
 * length and a time, and what comes without having been asked for is dropped.
 *
 *   lost ──guest-sync-delimited──▶ in step ──request──▶ waiting ──answer──▶ in step
 *    ▲                                                     │
 *    └────────────── timeout, a line that is no answer ────┘
 *
 * Source: QEMU, docs/interop/qemu-ga.rst and qga/qapi-schema.json
 */
import {randomInt} from 'node:crypto';
import {ManagerError} from '../protocol/errors.js';
import {AgentLines} from './agent-lines.js';

/** The port, as its machine has it. */
export interface AgentPort {
  /** A program of the guest has it open. */
  readonly isGuestOpen: boolean;
  listen(listener: {output(chunk: Uint8Array): void; drained(): void; guestOpenChanged(isOpen: boolean): void}): void;
  /** Takes what it has room for and says how much; `drained` follows. */
  write(bytes: Uint8Array): number;
}

/** One command. Units: `timeoutMs` counts from when it is sent */
export interface AgentRequest {
  readonly command: string;
  readonly arguments?: Readonly<Record<string, unknown>> | undefined;
  readonly timeoutMs: number;
}

/** Longest time a command may be given. Units: milliseconds */
export const AGENT_TIMEOUT_MAX_MS = 60_000;
/** How long a guest may take to fall into step. */
const SYNC_TIMEOUT_MS = 10_000;
/** Requests that wait for their turn. */
export const WAITING_MAX = 64;
/** Longest request: a piece of a file in base64 with room to spare. */
export const REQUEST_BYTES_MAX = 512 * 1024;
/** Deepest nesting of an answer; the dialect needs five. */
const ANSWER_DEPTH_MAX = 16;
/** Characters shown of what an agent says about a failure. */
const REASON_CHARS_MAX = 200;
/** Starts a new message whatever came before it. */
const DELIMITER = Uint8Array.of(0xff);

/** See the module. */
export class AgentSession {
  readonly #port: AgentPort;
  readonly #lines = new AgentLines();
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #isInStep = false;
  #outgoing: Uint8Array = new Uint8Array(0);
  #receive: ((line: string) => void) | undefined;
  #fail: ((error: ManagerError) => void) | undefined;

  constructor(port: AgentPort) {
    this.#port = port;
    port.listen({
      output: (chunk) => {
        for (const line of this.#lines.push(chunk)) this.#receive?.(line);
      },
      drained: () => this.#flush(),
      guestOpenChanged: (isOpen) => {
        if (isOpen) return;
        this.#isInStep = false;
        this.#fail?.(noAgent('Its guest agent has just ended.'));
      },
    });
  }

  /**
   * Sends a command and resolves with what its answer returns.
   * Errors: no-agent, agent-too-old (it does not know the command), agent-failed (its own words), bad-request
   */
  async request(request: AgentRequest): Promise<unknown> {
    if (this.#waiting >= WAITING_MAX)
      throw new ManagerError('agent-failed', 'Too much is asked of the guest agent at once.', 'Try again in a while.');
    this.#waiting++;
    const mine = this.#turn.then(() => this.#exchange(request));
    this.#turn = mine.catch(() => undefined);
    try {
      return await mine;
    } finally {
      this.#waiting--;
    }
  }

  async #exchange({command, arguments: params, timeoutMs}: AgentRequest): Promise<unknown> {
    if (!this.#port.isGuestOpen) throw noAgent('No guest agent runs in it.');
    const text = JSON.stringify({execute: command, ...(params === undefined ? {} : {arguments: params})});
    const bytes = Buffer.from(`${text}\n`);
    if (bytes.length > REQUEST_BYTES_MAX)
      throw new ManagerError('bad-request', 'That is too long for a guest agent.', 'Send it in parts.');
    if (!this.#isInStep) await this.#fallIntoStep();
    return this.#ask(bytes, Math.min(timeoutMs, AGENT_TIMEOUT_MAX_MS), (line) => readAnswer(command, line));
  }

  async #fallIntoStep(): Promise<void> {
    const id = randomInt(1, 2 ** 31);
    const text = JSON.stringify({execute: 'guest-sync-delimited', arguments: {id}});
    // Whatever is left of an earlier request is of no use to anybody.
    this.#outgoing = new Uint8Array(0);
    this.#lines.clear();
    // Answers to earlier requests may come first.
    const isMine = (line: string) => (isSync(line, id) ? {value: undefined} : undefined);
    await this.#ask(Buffer.concat([DELIMITER, Buffer.from(`${text}\n`)]), SYNC_TIMEOUT_MS, isMine);
    this.#isInStep = true;
  }

  /** `read` gives `undefined` for a line that is to be passed over. */
  async #ask(
    bytes: Uint8Array,
    timeoutMs: number,
    read: (line: string) => {readonly value: unknown} | undefined,
  ): Promise<unknown> {
    const answered = Promise.withResolvers<unknown>();
    this.#fail = answered.reject;
    this.#receive = (line) => {
      try {
        const answer = read(line);
        if (answer !== undefined) answered.resolve(answer.value);
      } catch (thrown) {
        answered.reject(thrown);
      }
    };
    const timer = setTimeout(() => answered.reject(new LostStep('Its guest agent does not answer.')), timeoutMs);
    this.#outgoing = Buffer.concat([this.#outgoing, bytes]);
    this.#flush();
    try {
      return await answered.promise;
    } catch (thrown) {
      if (!(thrown instanceof LostStep)) throw thrown;
      this.#isInStep = false;
      throw noAgent(thrown.message);
    } finally {
      clearTimeout(timer);
      this.#receive = undefined;
      this.#fail = undefined;
    }
  }

  #flush(): void {
    if (this.#outgoing.length > 0) this.#outgoing = this.#outgoing.subarray(this.#port.write(this.#outgoing));
  }
}

/** Which answer belongs to which request is not known any more. */
class LostStep extends Error {}

function readAnswer(command: string, line: string): {readonly value: unknown} {
  const answer = parseShallow(line);
  if (answer !== undefined && 'return' in answer) return {value: answer['return']};
  const error = answer?.['error'];
  if (typeof error !== 'object' || error === null) throw new LostStep('Its guest agent answers with nonsense.');
  const {class: kind, desc} = error as {class?: unknown; desc?: unknown};
  if (kind === 'CommandNotFound')
    throw new ManagerError(
      'agent-too-old',
      `The guest agent does not know ${command}.`,
      'Update the package qemu-guest-agent in the guest, and see its configuration for blocked commands.',
    );
  throw new ManagerError('agent-failed', `The guest agent says: ${cleanReason(desc)}.`, 'Look at it in its console.');
}

function isSync(line: string, id: number): boolean {
  return parseShallow(line)?.['return'] === id;
}

function parseShallow(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null || !isShallow(value, ANSWER_DEPTH_MAX)) return undefined;
    return {...value};
  } catch {
    return undefined;
  }
}

/** What is nested deeper would overflow the stack of who writes it down again. */
function isShallow(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return depth > 0 && Object.values(value).every((part) => isShallow(part, depth - 1));
}

/** A guest's words as part of a sentence of ours: one line, of bounded length, without control characters. */
function cleanReason(text: unknown): string {
  const words = typeof text === 'string' ? text.replace(/[\p{Cc}\p{Cf}]+/gu, ' ').trim() : '';
  return words.slice(0, REASON_CHARS_MAX).replace(/\.$/, '') || 'it failed';
}

function noAgent(message: string): ManagerError {
  return new ManagerError(
    'no-agent',
    message,
    'It is there a moment after the boot of debian-mini; elsewhere install qemu-guest-agent in the guest.',
  );
}
