/** The client's side of a session with a guest's agent: bytes in and out at the pace of the slower side. */
import {randomUUID} from 'node:crypto';
import {once} from 'node:events';
import type {Readable, Writable} from 'node:stream';
import {agentInput, agentOutput, agentTaken, MAX_AGENT_INPUT_BYTES} from '../../manager/protocol/agent.js';
import type {PayloadOf} from '../../manager/protocol/define.js';
import type {FleetClient} from '../app/backend.js';

type Output = PayloadOf<typeof agentOutput>;

/** One session; dispose it when its request has been answered. */
export class AgentClientSession implements Disposable {
  readonly id = randomUUID();
  /** Rejects when output cannot be dealt with. */
  readonly failed: Promise<never>;
  readonly #client: FleetClient;
  readonly #subscription: Disposable;
  #isOver = false;

  /** The daemon sends the next piece when `take` has resolved. */
  constructor(client: FleetClient, take: (stream: Output['stream'], bytes: Uint8Array) => Promise<void>) {
    this.#client = client;
    const failed = Promise.withResolvers<never>();
    this.failed = failed.promise;
    this.failed.catch(() => undefined);
    this.#subscription = client.on(agentOutput, ({sessionId, stream, data}) => {
      if (sessionId !== this.id) return;
      take(stream, Buffer.from(data, 'base64'))
        .then(() => client.request(agentTaken, {sessionId}))
        // It may be over by the time the last piece has been taken.
        .catch((thrown: unknown) => (this.#isOver ? undefined : failed.reject(thrown)));
    });
  }

  /** Sends a stream to its end. Errors: the stream's own, and the daemon's */
  async feed(input: Readable): Promise<void> {
    for await (const chunk of input) {
      const bytes = Buffer.from(chunk);
      for (let at = 0; at < bytes.length; at += MAX_AGENT_INPUT_BYTES)
        await this.#send(bytes.subarray(at, at + MAX_AGENT_INPUT_BYTES), false);
      if (this.#isOver) return;
    }
    await this.#send(new Uint8Array(0), true);
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#subscription[Symbol.dispose]();
  }

  async #send(bytes: Uint8Array, isEnd: boolean): Promise<void> {
    if (this.#isOver) return;
    await this.#client.request(agentInput, {sessionId: this.id, data: Buffer.from(bytes).toString('base64'), isEnd});
  }
}

/** Nobody reads what is written any more, as behind `| head`. */
export class ReaderLeft extends Error {
  override readonly name = 'ReaderLeft';
}

/** Writes a piece; resolves when the stream has room for the next. Errors: ReaderLeft */
export async function writeAll(stream: Writable, bytes: Uint8Array): Promise<void> {
  if (stream.destroyed) throw new ReaderLeft();
  if (stream.write(bytes)) return;
  try {
    await once(stream, 'drain');
  } catch (thrown) {
    throw isClosedPipe(thrown) ? new ReaderLeft() : thrown;
  }
}

function isClosedPipe(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'EPIPE';
}
