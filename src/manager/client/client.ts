/** A typed connection to the daemon that starts it when asked and comes back by itself after a loss. */
import type {NotificationType, ParamsInput, PayloadOf, RequestType, ResultOf} from '../protocol/define.js';

/** `connected` → `lost` ⇄ `connected` → `closed`; `closed` is final (disposed, version mismatch, daemon ended). */
export type ConnectionState = 'connected' | 'lost' | 'closed';

/** How to reach the daemon. */
export interface ConnectOptions {
  /** Starts the daemon when none answers. Default false: code `daemon-unreachable`. */
  readonly startsDaemon?: boolean;
  /** Connects again, with `startsDaemon` as at first, when the connection is lost. Default false. */
  readonly reconnects?: boolean;
  /** Folder variables `VIVARIUM_HOME`, `VIVARIUM_RUNTIME`, `XDG_…`. Default: `process.env`. */
  readonly environment?: NodeJS.ProcessEnv;
}
/** See the module. Errors of `connect`: daemon-unreachable, version-mismatch, runtime-folder-unsafe, path-too-long */
export declare class Client implements AsyncDisposable {
  static connect(options?: ConnectOptions): Promise<Client>;
  readonly state: ConnectionState;
  readonly daemon: {readonly daemonVersion: string; readonly pid: number; readonly bootId: string};
  request<Type extends RequestType>(
    type: Type,
    params: ParamsInput<Type>,
    signal?: AbortSignal,
  ): Promise<ResultOf<Type>>;
  on<Type extends NotificationType>(type: Type, listener: (payload: PayloadOf<Type>) => void): Disposable;
  onState(listener: (state: ConnectionState) => void): Disposable;
  [Symbol.asyncDispose](): Promise<void>;
}
