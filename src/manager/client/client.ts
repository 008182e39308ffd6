/** A typed connection to the daemon that starts it when asked and comes back by itself after a loss. */
import {connect as connectSocket, type Socket} from 'node:net';
import {setTimeout as delay} from 'node:timers/promises';
import type {z} from 'zod';
import {findPaths, type Paths} from '../paths.js';
import {daemonEnding, daemonHello, PROTOCOL_VERSION} from '../protocol/daemon.js';
import type {NotificationType, ParamsInput, PayloadOf, RequestType, ResultOf} from '../protocol/define.js';
import {ManagerError} from '../protocol/errors.js';
import type {Channel} from '../rpc/channel.js';
import {identifyProcess, isGoneWithin, type ProcessIdentity} from '../store/process-identity.js';
import {programVersion} from '../version.js';
import {startDaemon} from './start-daemon.js';

/**
 * `connected` → `lost` or `ended` → `connected` → `closed`. `ended`: the daemon was asked to end, and is waited for until
 * somebody starts it again. `closed` is final (disposed, version mismatch, or daemon gone and not waited for).
 */
export type ConnectionState = 'connected' | 'lost' | 'ended' | 'closed';

/** How to reach the daemon. */
export interface ConnectOptions {
  /** Starts the daemon when none answers. Default false: code `daemon-unreachable`. */
  readonly startsDaemon?: boolean;
  /** Connects again, with `startsDaemon` as at first, when the connection is lost. Default false. */
  readonly reconnects?: boolean;
  /** With `reconnects`: waits also for the daemon after one that was asked to end, and does not start it. Default false. */
  readonly outlivesDaemon?: boolean;
  /** Folder variables `VIVARIUM_HOME`, `VIVARIUM_RUNTIME`, `XDG_…`. Default: `process.env`. */
  readonly environment?: NodeJS.ProcessEnv;
}

/** Who answered the greeting. `bootId` differs for each life of a daemon. */
export type DaemonIdentity = Pick<ResultOf<typeof daemonHello>, 'daemonVersion' | 'pid' | 'bootId'>;

/** Pauses between attempts to connect again; the last one repeats. Units: milliseconds. */
const RECONNECT_DELAYS_MS = [50, 100, 200, 500, 1000, 2000] as const;

/** How often two clients that start the daemon at the same moment try before one of them reports failure. */
const START_ATTEMPTS = 3;

/** A daemon that has not greeted by then hangs; on a very busy host a greeting takes a second or two. */
const GREETING_TIMEOUT_MS = 15_000;

/** How long an ending daemon may take to let go of everything. */
const ENDING_TIMEOUT_MS = 10_000;

interface Subscription {
  readonly type: NotificationType;
  attach(channel: Channel): void;
}

/** See the module. */
export class Client implements AsyncDisposable {
  readonly #paths: Paths;
  readonly #options: ConnectOptions;
  readonly #subscriptions = new Set<Subscription>();
  readonly #stateListeners = new Set<(state: ConnectionState) => void>();
  readonly #disposing = new AbortController();
  #channel: Channel;
  #daemon: DaemonIdentity;
  #process: ProcessIdentity | undefined;
  #state: ConnectionState = 'connected';
  #isDaemonEnding = false;

  private constructor(paths: Paths, options: ConnectOptions, opened: Opened) {
    this.#paths = paths;
    this.#options = options;
    this.#channel = opened.channel;
    this.#daemon = opened.daemon;
    this.#adopt(opened);
  }

  /** Connects and greets. Errors: daemon-unreachable, version-mismatch, runtime-folder-unsafe, path-too-long */
  static async connect(options: ConnectOptions = {}): Promise<Client> {
    const paths = findPaths(options.environment);
    return new Client(paths, options, await open(paths, options));
  }

  /** See `ConnectionState`. */
  get state(): ConnectionState {
    return this.#state;
  }

  /** The daemon of the present (or last) connection. */
  get daemon(): DaemonIdentity {
    return this.#daemon;
  }

  /** Sends a request. Errors: the daemon's own, daemon-unreachable while the connection is lost */
  request<Type extends RequestType>(
    type: Type,
    params: ParamsInput<Type>,
    signal?: AbortSignal,
  ): Promise<ResultOf<Type>> {
    return this.#channel.request(type, params, signal);
  }

  /** Listens to a notification over all reconnects. The daemon sends those this connection subscribed to. */
  on<Type extends NotificationType>(type: Type, listener: (payload: PayloadOf<Type>) => void): Disposable {
    let attached: Disposable | undefined;
    const subscription: Subscription = {
      type,
      attach: (channel) => {
        attached = channel.on(type, listener);
      },
    };
    this.#subscriptions.add(subscription);
    subscription.attach(this.#channel);
    return {
      [Symbol.dispose]: () => {
        this.#subscriptions.delete(subscription);
        attached?.[Symbol.dispose]();
      },
    };
  }

  /** Listens to changes of `state`; after `connected` a mirror subscribes again. */
  onState(listener: (state: ConnectionState) => void): Disposable {
    this.#stateListeners.add(listener);
    return {[Symbol.dispose]: () => void this.#stateListeners.delete(listener)};
  }

  /**
   * After `daemonStop`: resolves when the daemon's process is gone, or takes longer than it should. What is asked of the
   * next one cannot reach this one then.
   */
  async untilDaemonGone(): Promise<void> {
    const process = this.#process;
    if (process !== undefined) await isGoneWithin(process, ENDING_TIMEOUT_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposing.abort();
    this.#setState('closed');
    this.#channel[Symbol.dispose]();
  }

  #adopt({channel, daemon}: Opened): void {
    this.#channel = channel;
    this.#daemon = daemon;
    this.#process = identifyProcess(daemon.pid);
    this.#isDaemonEnding = false;
    for (const subscription of this.#subscriptions) subscription.attach(channel);
    channel.on(daemonEnding, () => {
      this.#isDaemonEnding = true;
    });
    channel.onClose(() => void this.#lost());
  }

  async #lost(): Promise<void> {
    if (this.#state === 'closed') return;
    const {reconnects, outlivesDaemon} = this.#options;
    const hasEnded = this.#isDaemonEnding;
    if (!reconnects || (hasEnded && !outlivesDaemon)) return this.#setState('closed');
    this.#setState(hasEnded ? 'ended' : 'lost');
    // A daemon that was asked to end is not started again behind the user's back.
    const options = hasEnded ? {...this.#options, startsDaemon: false} : this.#options;
    for (let attempt = 0; ; attempt++) {
      const pause = RECONNECT_DELAYS_MS[Math.min(attempt, RECONNECT_DELAYS_MS.length - 1)];
      try {
        await delay(pause, undefined, {signal: this.#disposing.signal});
        const opened = await open(this.#paths, options);
        if (this.#disposing.signal.aborted) return opened.channel[Symbol.dispose]();
        this.#adopt(opened);
        return this.#setState('connected');
      } catch (thrown) {
        if (this.#disposing.signal.aborted) return;
        if (thrown instanceof ManagerError && thrown.code === 'version-mismatch') return this.#setState('closed');
      }
    }
  }

  #setState(state: ConnectionState): void {
    if (this.#state === state) return;
    this.#state = state;
    for (const listener of [...this.#stateListeners]) listener(state);
  }
}

interface Opened {
  readonly channel: Channel;
  readonly daemon: DaemonIdentity;
}

async function open(paths: Paths, options: ConnectOptions): Promise<Opened> {
  // Loaded when somebody connects, and before: a command without the daemon need not wait for it, a socket must not.
  const {Channel} = await import('../rpc/channel.js');
  let outcome: 'started' | 'exists' | undefined;
  for (let attempt = 1; ; attempt++) {
    try {
      return await greet(new Channel(await dial(paths.socket)));
    } catch (thrown) {
      if (!options.startsDaemon || !isNobodyThere(thrown)) throw explain(thrown, options);
      if (attempt >= START_ATTEMPTS) throw outcome === 'exists' ? listensElsewhere(paths) : explain(thrown, options);
      outcome = await startDaemon(paths, options.environment ?? process.env);
    }
  }
}

function dial(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket(path);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

async function greet(channel: Channel): Promise<Opened> {
  channel.listen();
  const greeted = new AbortController();
  try {
    const params: z.input<typeof daemonHello.params> = {
      protocolVersion: PROTOCOL_VERSION,
      clientVersion: programVersion(),
    };
    const late = delay(GREETING_TIMEOUT_MS, undefined, {signal: greeted.signal, ref: false}).then(() => {
      throw new ManagerError(
        'daemon-hangs',
        'The daemon does not answer.',
        'Its messages are in daemon.log; end its process (vivd) and try again: machines keep running.',
      );
    });
    return {channel, daemon: await Promise.race([channel.request(daemonHello, params), late])};
  } catch (thrown) {
    channel[Symbol.dispose]();
    throw thrown;
  } finally {
    greeted.abort();
  }
}

/** The daemon that holds the home's lock was started with another runtime folder, or its socket was deleted. */
function listensElsewhere({home, runtime, daemonLock}: Paths): ManagerError {
  return new ManagerError(
    'daemon-already-running',
    `Another daemon keeps the machines in ${home}, and it does not listen in ${runtime}.`,
    `Set VIVARIUM_RUNTIME (or XDG_RUNTIME_DIR) as it was when that daemon was started, or end it: its process id is in ${daemonLock}.`,
  );
}

/** How connecting to a socket fails behind which no daemon is, or not for long. */
const NOBODY_CODES: ReadonlySet<string> = new Set(['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE']);

function isNobodyThere(thrown: unknown): boolean {
  // A daemon that is just dying still accepts, and hangs up before it answers; or resets who was not accepted yet.
  if (thrown instanceof ManagerError) return thrown.code === 'daemon-unreachable';
  return thrown instanceof Error && 'code' in thrown && NOBODY_CODES.has(String(thrown.code));
}

function explain(thrown: unknown, options: ConnectOptions): ManagerError {
  if (thrown instanceof ManagerError) return thrown;
  if (isNobodyThere(thrown) && !options.startsDaemon)
    return new ManagerError('daemon-unreachable', 'The daemon is not running.', 'Start it with `viv daemon start`.');
  const detail = thrown instanceof Error ? thrown.message : String(thrown);
  return new ManagerError(
    'daemon-unreachable',
    `The daemon cannot be reached: ${detail}.`,
    'See `viv doctor` for what stands in the way.',
  );
}
