/** What the TUI needs of the manager, so that tests can put a scripted one in its place. */

import {
  Client,
  type ConnectionState,
  type ConnectOptions,
  ConsoleSession,
  type ConsoleSessionOptions,
} from '../../manager/client.js';
import type {TerminalSize} from '../../manager/protocol/console.js';
import type {NotificationType, ParamsInput, PayloadOf, RequestType, ResultOf} from '../../manager/protocol/define.js';

/** A typed connection to a manager. */
export interface FleetClient extends AsyncDisposable {
  readonly state: ConnectionState;
  /** An abort cancels the request. */
  request<Type extends RequestType>(
    type: Type,
    params: ParamsInput<Type>,
    signal?: AbortSignal,
  ): Promise<ResultOf<Type>>;
  on<Type extends NotificationType>(type: Type, listener: (payload: PayloadOf<Type>) => void): Disposable;
  onState(listener: (state: ConnectionState) => void): Disposable;
  /** After `daemonStop`: resolves when its process is gone. */
  untilDaemonGone(): Promise<void>;
}

/** An attached console viewer. */
export interface ConsoleHandle extends AsyncDisposable {
  write(bytes: Uint8Array): Promise<void>;
  resize(size: TerminalSize): Promise<void>;
  setKeyboard(isWanted: boolean): Promise<void>;
}

/** A connection and the consoles behind it. */
export interface Backend {
  readonly client: FleetClient;
  openConsole(options: ConsoleSessionOptions): Promise<ConsoleHandle>;
}

/**
 * Connects to the daemon of this user. Default: starts it when needed, comes back after a loss, and waits for the one
 * after a daemon that was asked to end.
 * Errors: those of `Client.connect`
 */
export async function connectDaemon(options: ConnectOptions = {}): Promise<Backend> {
  const client = await Client.connect({startsDaemon: true, reconnects: true, outlivesDaemon: true, ...options});
  return {client, openConsole: (options) => ConsoleSession.open(client, options)};
}
