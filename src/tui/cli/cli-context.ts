import type {Readable, Writable} from 'node:stream';
import {Client, type Embedded, openEmbedded} from '../../manager/client.js';

/** A command's streams; `isTTY` as Node's own have it. */
export interface CliStreams {
  readonly stdin: Readable & {readonly isTTY?: boolean; setRawMode?(isRaw: boolean): unknown};
  readonly stdout: Writable & {readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number};
  readonly stderr: Writable & {readonly isTTY?: boolean; readonly columns?: number};
}

/** What a command has to work with: streams, the manager, its exit status. */
export class CliContext implements AsyncDisposable {
  readonly streams: CliStreams;
  /** Exit status of the program unless something throws. */
  status = 0;
  private client: Promise<Client> | undefined;
  private readonly interrupt = new AbortController();

  constructor(streams: CliStreams) {
    this.streams = streams;
  }

  /** The daemon, started when needed; one connection a command. */
  connect(options: {startsDaemon?: boolean} = {}): Promise<Client> {
    this.client ??= Client.connect({startsDaemon: options.startsDaemon ?? true});
    return this.client;
  }

  /** The manager in this process, for throwaway machines. */
  openEmbedded(): Promise<Embedded> {
    return openEmbedded();
  }

  /** Aborted when the person presses Ctrl-C or the program is told to end. */
  get interrupted(): AbortSignal {
    return this.interrupt.signal;
  }

  /** Ends what listens to {@link interrupted}. Returns false when it was already asked once. */
  requestInterrupt(): boolean {
    const isFirst = !this.interrupt.signal.aborted;
    this.interrupt.abort();
    return isFirst;
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
    const client = this.client;
    if (!client) return;
    const [connected] = await Promise.allSettled([client]);
    if (connected.status === 'fulfilled') await connected.value[Symbol.asyncDispose]();
  }
}
