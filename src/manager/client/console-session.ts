/**
 * A viewer of one machine's console that survives lost connections: after a reconnect it attaches again from the
 * byte after the last one it has, so the bytes it hands on have no repeats.
 */
import {
  consoleAttach,
  consoleClosed,
  consoleDetach,
  consoleInput,
  consoleKeyboard,
  consoleKeyboardMoved,
  consoleOutput,
  consoleResize,
  consoleResized,
  MAX_INPUT_BYTES,
  type TerminalSize,
} from '../protocol/console.js';
import type {Client} from './client.js';

/** What a viewer wants and is told. */
export interface ConsoleSessionOptions {
  /** Machine id or name. */
  readonly machine: string;
  readonly wantsKeyboard: boolean;
  readonly size?: TerminalSize;
  /** Most scrollback to replay. Units: bytes. */
  readonly maxReplayBytes?: number;
  /** What a guest floods beyond it is skipped. Units: bytes */
  readonly maxBytesPerSecond?: number;
  /** Bytes in order. `hasGap` is true when some before them were lost (slow viewer): reset the terminal. */
  onOutput(bytes: Uint8Array, hasGap: boolean): void;
  onKeyboard?(hasKeyboard: boolean): void;
  onResized?(size: TerminalSize): void;
  /** The machine was removed, or the connection is lost for good. */
  onClosed?(): void;
}

/** An attached viewer; dispose it to leave. */
export class ConsoleSession implements AsyncDisposable {
  readonly #client: Client;
  readonly #options: ConsoleSessionOptions;
  readonly #subscriptions = new DisposableStack();
  #attaching: Promise<void> = Promise.resolve();
  #viewerId: string | undefined;
  #wantsKeyboard: boolean;
  #size: TerminalSize | undefined;
  #nextOffset: number | undefined;
  #isClosed = false;

  private constructor(client: Client, options: ConsoleSessionOptions) {
    this.#client = client;
    this.#options = options;
    this.#wantsKeyboard = options.wantsKeyboard;
    this.#size = options.size;
  }

  /** Attaches and replays the scrollback through `onOutput` before it resolves. Errors: machine-not-found */
  static async open(client: Client, options: ConsoleSessionOptions): Promise<ConsoleSession> {
    const session = new ConsoleSession(client, options);
    await session.#attach();
    session.#listen();
    return session;
  }

  /** Types into the guest. Without the keyboard, or with the machine off, it fails with the daemon's reason. */
  async write(bytes: Uint8Array): Promise<void> {
    // The daemon may be back, and the viewer about to be.
    await this.#attaching;
    const viewerId = this.#viewerId;
    if (viewerId === undefined) return;
    for (let start = 0; start < bytes.length; start += MAX_INPUT_BYTES) {
      const part = bytes.subarray(start, start + MAX_INPUT_BYTES);
      const data = Buffer.from(part.buffer, part.byteOffset, part.length).toString('base64');
      await this.#client.request(consoleInput, {viewerId, data});
    }
  }

  /** Tells the size of the pane. */
  async resize(size: TerminalSize): Promise<void> {
    this.#size = size;
    if (this.#viewerId !== undefined) await this.#client.request(consoleResize, {viewerId: this.#viewerId, size});
  }

  /** Takes the keyboard, or gives it back. */
  async setKeyboard(isWanted: boolean): Promise<void> {
    this.#wantsKeyboard = isWanted;
    if (this.#viewerId !== undefined) await this.#client.request(consoleKeyboard, {viewerId: this.#viewerId, isWanted});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#subscriptions.dispose();
    const viewerId = this.#viewerId;
    this.#viewerId = undefined;
    if (viewerId !== undefined && this.#client.state === 'connected')
      await this.#client.request(consoleDetach, {viewerId});
  }

  async #attach(): Promise<void> {
    const {machine, maxReplayBytes, maxBytesPerSecond} = this.#options;
    const answer = await this.#client.request(consoleAttach, {
      machine,
      wantsKeyboard: this.#wantsKeyboard,
      ...(this.#size === undefined ? {} : {size: this.#size}),
      ...(this.#nextOffset === undefined ? {} : {sinceOffset: this.#nextOffset}),
      ...(maxReplayBytes === undefined ? {} : {maxReplayBytes}),
      ...(maxBytesPerSecond === undefined ? {} : {maxBytesPerSecond}),
    });
    this.#viewerId = answer.viewerId;
    this.#receive(answer.replayOffset, answer.replay);
    this.#options.onKeyboard?.(answer.hasKeyboard);
    this.#options.onResized?.(answer.size);
  }

  #listen(): void {
    const client = this.#client;
    const mine = (viewerId: string) => viewerId === this.#viewerId;
    this.#subscriptions.use(
      client.on(consoleOutput, ({viewerId, offset, data}) => {
        if (mine(viewerId)) this.#receive(offset, data);
      }),
    );
    this.#subscriptions.use(
      client.on(consoleKeyboardMoved, ({viewerId, hasKeyboard}) => {
        if (!mine(viewerId)) return;
        this.#wantsKeyboard = hasKeyboard;
        this.#options.onKeyboard?.(hasKeyboard);
      }),
    );
    this.#subscriptions.use(
      client.on(consoleResized, ({viewerId, size}) => {
        if (mine(viewerId)) this.#options.onResized?.(size);
      }),
    );
    this.#subscriptions.use(
      client.on(consoleClosed, ({viewerId}) => {
        if (mine(viewerId)) this.#close();
      }),
    );
    this.#subscriptions.use(
      client.onState((state) => {
        if (state === 'lost' || state === 'ended') this.#viewerId = undefined;
        else if (state === 'closed') this.#close();
        else this.#attaching = this.#attach().catch(() => this.#close());
      }),
    );
  }

  #receive(offset: number, data: string): void {
    const bytes = Buffer.from(data, 'base64');
    const hasGap = this.#nextOffset !== undefined && offset !== this.#nextOffset;
    this.#nextOffset = offset + bytes.length;
    if (bytes.length > 0) this.#options.onOutput(bytes, hasGap);
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#viewerId = undefined;
    this.#subscriptions.dispose();
    this.#options.onClosed?.();
  }
}
