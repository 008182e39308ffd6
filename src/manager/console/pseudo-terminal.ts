/** A console as /dev/pts/N, for screen, minicom and socat. */
import {ReadStream} from 'node:tty';
import {z} from 'zod';
import type {ByteRing} from './byte-ring.js';
import {StreamPump} from './stream-pump.js';

/** Small: with nobody at the other end this much output waits, the rest stays in the ring. */
const PUMP_BOUNDS = {pieceBytes: 4096, highWaterBytes: 4096};

interface NativePty {
  open(columns: number, rows: number): {readonly master: number; readonly slave: number; readonly pty: string};
}

/** node-pty's native part: its typings leave it out, its own `open` reads from both ends. */
const moduleSchema = z.object({
  native: z.custom<NativePty>((value) => typeof value === 'object' && value !== null && 'open' in value),
});

/** See the module. */
export class PseudoTerminal implements Disposable {
  readonly path: string;
  readonly #master: ReadStream;
  readonly #slave: ReadStream;
  readonly #pump: StreamPump;

  private constructor(
    files: {readonly master: number; readonly slave: number; readonly pty: string},
    ring: ByteRing,
    onInput: (bytes: Uint8Array) => void,
  ) {
    this.path = files.pty;
    this.#slave = new ReadStream(files.slave);
    // Held open and raw: no echo of output back as input, and no hang-up when the user's program closes it.
    this.#slave.setRawMode(true);
    const master = new ReadStream(files.master);
    this.#master = master;
    this.#pump = new StreamPump(
      ring,
      {
        get bufferedBytes() {
          return master.writableLength;
        },
        send: (_offset, bytes) => void master.write(bytes),
      },
      ring.endOffset,
      PUMP_BOUNDS,
    );
    master.on('drain', () => this.pull());
    master.on('data', onInput);
    // A terminal that breaks is no reason to lose the console: it just stops to be there.
    master.on('error', () => this[Symbol.dispose]());
    this.#slave.on('error', () => undefined);
    master.unref();
    this.#slave.unref();
  }

  /** Opens one, or answers `undefined` where the platform has no pseudo-terminals or the native part is missing. */
  static async open(ring: ByteRing, onInput: (bytes: Uint8Array) => void): Promise<PseudoTerminal | undefined> {
    try {
      const {native} = moduleSchema.parse(await import('node-pty'));
      return new PseudoTerminal(native.open(80, 24), ring, onInput);
    } catch {
      // Consoles are reachable without it; `viv doctor` reports what is missing.
      return undefined;
    }
  }

  /** To be called after every append to the ring. */
  pull(): void {
    if (!this.#master.destroyed) this.#pump.pull();
  }

  [Symbol.dispose](): void {
    this.#master.destroy();
    this.#slave.destroy();
  }
}
