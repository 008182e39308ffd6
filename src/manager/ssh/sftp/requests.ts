/** Requests that wait for their turn: read from the client's channel only while there is room for them. */
import type {ServerChannel} from 'ssh2';
import {isInit, PacketCutter, readRequest, SftpFault, type SftpRequest} from './packets.js';

/** Requests that may wait, and their bytes: more is not read, and the client's window fills. */
export const WAITING_MAX = 128;
/** See `WAITING_MAX`. */
export const WAITING_BYTES_MAX = 1_048_576;

/** See the module. */
export class Requests implements Disposable {
  readonly #channel: ServerChannel;
  readonly #gone: AbortSignal;
  readonly #cutter = new PacketCutter();
  readonly #packets: Buffer[] = [];
  #waitingBytes = 0;
  #hasEnded = false;
  #fault: unknown;
  #wake: () => void = () => undefined;

  constructor(channel: ServerChannel, gone: AbortSignal) {
    this.#channel = channel;
    this.#gone = gone;
    channel.on('data', this.#take);
    channel.on('end', this.#end);
    gone.addEventListener('abort', this.#end);
  }

  /** The packet that a client begins with. Errors: SftpFault for any other */
  async begin(): Promise<void> {
    const packet = await this.#next();
    if (packet !== undefined && !isInit(packet)) throw new SftpFault('The client begins without a version.');
  }

  /** The next one, or undefined when the client has ended. Errors: SftpFault */
  async next(): Promise<SftpRequest | undefined> {
    const packet = await this.#next();
    return packet === undefined ? undefined : readRequest(packet);
  }

  /** The next one if it is there already and `fits`; otherwise it waits on. Errors: SftpFault */
  nextIf<Fitting extends SftpRequest>(fits: (request: SftpRequest) => request is Fitting): Fitting | undefined {
    const packet = this.#packets[0];
    const request = packet === undefined ? undefined : readRequest(packet);
    if (request === undefined || !fits(request)) return undefined;
    this.#drop();
    return request;
  }

  [Symbol.dispose](): void {
    this.#channel.off('data', this.#take);
    this.#channel.off('end', this.#end);
    this.#gone.removeEventListener('abort', this.#end);
    // Nobody reads the rest; the channel's end is told only after it.
    this.#channel.resume();
  }

  async #next(): Promise<Buffer | undefined> {
    while (this.#packets.length === 0) {
      if (this.#fault !== undefined) throw this.#fault;
      if (this.#hasEnded) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    // Nobody waits for what else there is.
    return this.#gone.aborted ? undefined : this.#drop();
  }

  #drop(): Buffer | undefined {
    const packet = this.#packets.shift();
    this.#waitingBytes -= packet?.length ?? 0;
    if (!this.#isFull && this.#channel.isPaused()) this.#channel.resume();
    return packet;
  }

  get #isFull(): boolean {
    return this.#packets.length >= WAITING_MAX || this.#waitingBytes >= WAITING_BYTES_MAX;
  }

  readonly #take = (bytes: Buffer) => {
    try {
      for (const packet of this.#cutter.push(bytes)) {
        this.#packets.push(packet);
        this.#waitingBytes += packet.length;
      }
    } catch (thrown) {
      this.#fault = thrown;
    }
    if (this.#isFull) this.#channel.pause();
    this.#wake();
  };

  readonly #end = () => {
    this.#hasEnded = true;
    this.#wake();
  };
}
