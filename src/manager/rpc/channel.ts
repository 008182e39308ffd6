/**
 * One typed, bounded JSON-RPC connection over a unix socket, the same at both ends of both kinds of connection there
 * are: client and daemon, daemon and machine process. What arrives is validated against the typed constant before
 * anyone sees it; a peer that sends too much or reads too little is cut off.
 */
import type {Socket} from 'node:net';
import {
  CancellationTokenSource,
  createMessageConnection,
  type MessageConnection,
  ResponseError,
} from 'vscode-jsonrpc/node';
import * as z from 'zod';
import type {
  NotificationType,
  ParamsInput,
  ParamsOutput,
  PayloadOf,
  RequestType,
  ResultOf,
} from '../protocol/define.js';
import {isErrorCode, ManagerError, toManagerError, WIRE_ERROR_NUMBER} from '../protocol/errors.js';
import {BoundedWriter} from './bounded-writer.js';
import {CountingReader, takesQueuePlace} from './counting-reader.js';
import {FrameGuard} from './frame-guard.js';

/** Bounds of one connection. */
export interface ChannelBounds {
  /** Largest message accepted. Units: bytes. */
  readonly maxMessageBytes: number;
  /** Most bytes that wait for the peer to read before it is dropped. */
  readonly maxBufferedBytes: number;
  /** Requests under way at which reading from the peer stops until some are answered. */
  readonly maxPendingRequests: number;
}

/** Bounds that fit both kinds of connection. */
export const defaultBounds: ChannelBounds = {
  maxMessageBytes: 4 * 1024 * 1024,
  maxBufferedBytes: 8 * 1024 * 1024,
  maxPendingRequests: 256,
};

/** Answers one kind of request; `signal` aborts when the caller cancels or goes away. */
export type Handler<Type extends RequestType> = (
  params: ParamsOutput<Type>,
  signal: AbortSignal,
) => Promise<z.input<Type['result']>>;

/** Why a channel ended, for the log: `undefined` when the peer closed it in the ordinary way. */
export type CloseReason = string | undefined;

const wireDataSchema = z.object({code: z.string(), hint: z.string()});

/** See the module. Owns the socket: disposing the channel closes it. */
export class Channel implements Disposable {
  readonly #socket: Socket;
  readonly #connection: MessageConnection;
  readonly #bounds: ChannelBounds;
  readonly #listeners = new Map<string, Set<(payload: unknown) => void>>();
  readonly #closeListeners = new Set<(reason: CloseReason) => void>();
  readonly #drainListeners = new Set<() => void>();
  readonly #ending = new AbortController();
  #pendingMessages = 0;
  #undispatchedMessages = 0;
  #closeReason: CloseReason;
  #isClosed = false;

  constructor(socket: Socket, bounds: ChannelBounds = defaultBounds) {
    this.#socket = socket;
    this.#bounds = bounds;
    const guard = new FrameGuard(bounds.maxMessageBytes);
    // Registered before the reader's own listener, so a violation is seen before the bytes are buffered.
    socket.on('data', (bytes: Buffer) => {
      const violation = guard.accept(bytes);
      if (violation !== undefined) this.#cut(violation);
    });
    const reader = new CountingReader(socket, () => this.#countArrived());
    const writer = new BoundedWriter(socket, bounds.maxBufferedBytes, () => this.#cut('The peer does not read.'));
    this.#connection = createMessageConnection(reader, writer, undefined, {
      messageStrategy: {
        handleMessage: async (message, next) => {
          const isCounted = takesQueuePlace(message);
          if (isCounted) this.#undispatchedMessages--;
          try {
            await next(message);
          } finally {
            if (isCounted) this.#countHandled();
          }
        },
      },
    });
    this.#connection.onError(([error]) => this.#cut(error.message));
    this.#connection.onNotification((method, params) => this.#dispatch(method, params));
    socket.on('drain', () => {
      for (const listener of this.#drainListeners) listener();
    });
    socket.on('error', (error) => {
      this.#closeReason ??= error.message;
    });
    // What came before the end is still on its way through the library's queue, the answer to a last request too.
    socket.on('close', () => setImmediate(() => this.#closeWhenDispatched()));
  }

  /** Bytes that wait for the peer to read them. */
  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Nothing can be sent any more. The library throws for that from the socket's end on, before `isClosed` is true. */
  get #isGone(): boolean {
    return this.#isClosed || this.#socket.destroyed;
  }

  /** Starts to read. Handlers and listeners are registered before. */
  listen(): void {
    this.#connection.listen();
  }

  /** Registers the answer to one kind of request. Errors thrown inside reach the caller as `ManagerError`. */
  handle<Type extends RequestType>(type: Type, handler: Handler<Type>): void {
    this.#connection.onRequest(type.method, async (raw: unknown, token) => {
      const cancel = new AbortController();
      const subscription = token.onCancellationRequested(() => cancel.abort());
      // A token that was cancelled before the request was dispatched never fires.
      if (token.isCancellationRequested) cancel.abort();
      try {
        const params = type.params.safeParse(raw);
        if (!params.success) throw badRequest(type.method, params.error);
        const signal = AbortSignal.any([cancel.signal, this.#ending.signal]);
        // The zod output of `Type['params']` is what `safeParse` has just made; generics cannot express it.
        return await handler(params.data as ParamsOutput<Type>, signal);
      } catch (thrown) {
        const error = toManagerError(thrown);
        return new ResponseError(WIRE_ERROR_NUMBER, error.message, {code: error.code, hint: error.hint});
      } finally {
        subscription.dispose();
      }
    });
  }

  /** Answers requests no handler was registered for. */
  handleUnknown(): void {
    this.#connection.onRequest((method: string) => {
      const error = unknownRequest(method);
      return Promise.resolve(new ResponseError(WIRE_ERROR_NUMBER, error.message, {code: error.code, hint: error.hint}));
    });
  }

  /**
   * Sends a request and resolves with its validated result.
   * Errors: the peer's own `ManagerError`; daemon-unreachable when the connection ends first; cancelled by `signal`
   */
  async request<Type extends RequestType>(
    type: Type,
    params: ParamsInput<Type>,
    signal?: AbortSignal,
  ): Promise<ResultOf<Type>> {
    if (this.#isGone) throw connectionLost(type.method);
    signal?.throwIfAborted();
    const source = new CancellationTokenSource();
    // Later, since the library writes the request later: a cancellation that overtakes it would be forgotten.
    const cancel = () => setImmediate(() => source.cancel());
    signal?.addEventListener('abort', cancel, {once: true});
    const closed = Promise.withResolvers<never>();
    const onClose = () => closed.reject(connectionLost(type.method));
    this.#closeListeners.add(onClose);
    try {
      const answer: unknown = await Promise.race([
        this.#connection.sendRequest(type.method, params, source.token),
        closed.promise,
      ]);
      // As in `handle`: the schema belongs to this very type.
      return type.result.parse(answer) as ResultOf<Type>;
    } catch (thrown) {
      throw fromWire(thrown, type.method);
    } finally {
      this.#closeListeners.delete(onClose);
      signal?.removeEventListener('abort', cancel);
      source.dispose();
    }
  }

  /** Sends a notification; lost silently when the connection is closed. */
  notify<Type extends NotificationType>(type: Type, payload: z.input<Type['params']>): void {
    if (!this.#isGone) void this.#connection.sendNotification(type.method, payload);
  }

  /** Listens to one kind of notification. A payload that does not fit its type ends the connection. */
  on<Type extends NotificationType>(type: Type, listener: (payload: PayloadOf<Type>) => void): Disposable {
    const validated = (raw: unknown) => {
      const payload = type.params.safeParse(raw);
      // As in `handle`: the schema belongs to this very type.
      if (payload.success) listener(payload.data as PayloadOf<Type>);
      else this.#cut(`${type.method}: ${z.prettifyError(payload.error)}`);
    };
    const listeners = this.#listeners.get(type.method) ?? new Set();
    this.#listeners.set(type.method, listeners.add(validated));
    return {[Symbol.dispose]: () => void listeners.delete(validated)};
  }

  onClose(listener: (reason: CloseReason) => void): void {
    this.#closeListeners.add(listener);
  }

  /** Calls when everything buffered has been taken by the peer. */
  onDrain(listener: () => void): void {
    this.#drainListeners.add(listener);
  }

  /** Closes after what was already written has been sent. */
  end(): void {
    this.#socket.end(() => this.#socket.destroy());
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
    this.#close();
  }

  #dispatch(method: string, params: unknown): void {
    for (const listener of this.#listeners.get(method) ?? []) listener(params);
  }

  #countArrived(): void {
    this.#undispatchedMessages++;
    this.#pendingMessages++;
    if (this.#pendingMessages > this.#bounds.maxPendingRequests) this.#socket.pause();
  }

  #countHandled(): void {
    this.#pendingMessages--;
    if (this.#pendingMessages <= this.#bounds.maxPendingRequests && this.#socket.isPaused()) this.#socket.resume();
  }

  #cut(reason: string): void {
    this.#closeReason ??= reason;
    this.#socket.destroy();
  }

  #closeWhenDispatched(): void {
    if (this.#undispatchedMessages > 0 && !this.#isClosed) setImmediate(() => this.#closeWhenDispatched());
    else this.#close();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#ending.abort();
    // Before the library rejects what is pending with words of its own.
    for (const listener of [...this.#closeListeners]) listener(this.#closeReason);
    this.#connection.dispose();
  }
}

function badRequest(method: string, error: z.ZodError): ManagerError {
  const issue = error.issues[0];
  const where = issue === undefined || issue.path.length === 0 ? '' : ` (${issue.path.join('.')})`;
  return new ManagerError(
    'bad-request',
    `${method} was asked for with a wrong value${where}: ${issue?.message ?? 'unknown'}.`,
    'Check the value and try again.',
  );
}

function unknownRequest(method: string): ManagerError {
  return new ManagerError(
    'bad-request',
    `There is no request named ${JSON.stringify(method.slice(0, 80))}.`,
    'Update the client.',
  );
}

function connectionLost(method: string): ManagerError {
  return new ManagerError(
    'daemon-unreachable',
    `The connection was lost before ${method} was answered.`,
    'See `viv daemon status` and try again.',
  );
}

function fromWire(thrown: unknown, method: string): ManagerError {
  if (thrown instanceof z.ZodError)
    return new ManagerError(
      'version-mismatch',
      `The answer to ${method} has an unexpected form.`,
      'Run `viv daemon stop` and try again.',
    );
  if (!(thrown instanceof ResponseError)) return toManagerError(thrown);
  const data = wireDataSchema.safeParse(thrown.data);
  if (data.success && isErrorCode(data.data.code))
    return new ManagerError(data.data.code, thrown.message, data.data.hint);
  return new ManagerError(
    'internal',
    `${method}: ${thrown.message}`,
    'This is a bug in Vivarium; the daemon log has the details.',
  );
}
