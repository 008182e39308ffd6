import type {Readable, Writable} from 'node:stream';
import {type Embedded, openEmbedded} from '../../manager/client.js';
import {type Backend, connectDaemon, type FleetClient} from '../app/backend.js';

/** A command's streams; `isTTY` as Node's own have it. */
export interface CliStreams {
  readonly stdin: Readable & {readonly isTTY?: boolean; setRawMode?(isRaw: boolean): unknown};
  readonly stdout: Writable & {readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number};
  readonly stderr: Writable & {readonly isTTY?: boolean; readonly columns?: number};
}

/** How a command reaches the manager. */
export interface CliManager {
  connect(options: {startsDaemon: boolean}): Promise<Backend>;
  /** The manager in this process, for throwaway machines. */
  openEmbedded(): Promise<Embedded>;
}

/** The daemon of this user, and the emulator in this process. */
export const REAL_MANAGER: CliManager = {
  connect: ({startsDaemon}) => connectDaemon({startsDaemon, reconnects: false}),
  openEmbedded,
};

/** What a command has to work with: streams, the manager, its exit status. */
export class CliContext implements AsyncDisposable {
  readonly streams: CliStreams;
  /** Exit status of the program unless something throws. */
  status = 0;
  private readonly manager: CliManager;
  private backend: Promise<Backend> | undefined;
  private readonly interrupt = new AbortController();
  private hasListener = false;

  constructor(streams: CliStreams, manager: CliManager = REAL_MANAGER) {
    this.streams = streams;
    this.manager = manager;
  }

  /** The daemon and its consoles, started when needed; one connection a command. */
  openBackend(options: {startsDaemon?: boolean} = {}): Promise<Backend> {
    this.backend ??= this.manager.connect({startsDaemon: options.startsDaemon ?? true});
    return this.backend;
  }

  /** The connection to the daemon, see {@link openBackend}. */
  async connect(options: {startsDaemon?: boolean} = {}): Promise<FleetClient> {
    return (await this.openBackend(options)).client;
  }

  /** The manager in this process, for throwaway machines. */
  openEmbedded(): Promise<Embedded> {
    return this.manager.openEmbedded();
  }

  /**
   * Aborted when the person presses Ctrl-C or the program is told to end. Who asks for it ends in good order then; a
   * command that never asks is ended at once.
   */
  get interrupted(): AbortSignal {
    this.hasListener = true;
    return this.interrupt.signal;
  }

  /** Tells who listens to end. Returns false when nobody does, or was told before. */
  requestInterrupt(): boolean {
    const isFirst = !this.interrupt.signal.aborted;
    this.interrupt.abort();
    return isFirst && this.hasListener;
  }

  /** Prints lines to standard output. */
  print(text: string): void {
    if (text !== '') this.streams.stdout.write(`${text}\n`);
  }

  /** Prints a value for programs. */
  printJson(value: unknown): void {
    this.streams.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
  }

  /** Tells a person something that is not the command's result. */
  note(text: string): void {
    this.streams.stderr.write(`${text}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.backend) return;
    const [connected] = await Promise.allSettled([this.backend]);
    if (connected.status === 'fulfilled') await connected.value.client[Symbol.asyncDispose]();
  }
}
