/**
 * A pseudoterminal as an endpoint: `screen /dev/pts/7`, picocom or any program that opens a terminal talks to the guest.
 * No program is started for it.
 *
 *   detached ── somebody opens /dev/pts/N ──▶ attached ── the last one closes it ──▶ detached
 *     output is dropped                        output is written, input is read
 *
 * Why it is read with a timer and not with a stream: libuv writes to a pty's master end blocking, and when the last program
 * closes the slave end a stream sees EIO and closes the master with it, which would take /dev/pts/N away. A non-blocking
 * read says all we need: EIO = nobody attached, EAGAIN = attached and silent.
 */
import {closeSync, readSync, writeSync} from 'node:fs';
import {ReadStream} from 'node:tty';
import {ParavirtError} from '../../error.js';
import type {CharEndpoint, CharEndpointListener} from '../contract.js';
import {AttachedInput} from './attached-input.js';

/** Output kept for an attached program that does not read; more is dropped. */
export const PTY_PENDING_BYTES_MAX = 256 << 10;
/** Bytes read from the terminal at once. */
const READ_BYTES = 4096;
/** Reads in one turn; bounds how long a paste keeps the thread. */
const READS_PER_TURN = 16;

// Milliseconds between two looks. A busy terminal answers within a screen's frame, an idle one costs 20 reads a second.
const BUSY_POLL_MS = 10;
const IDLE_POLL_MS = 50;
const DETACHED_POLL_MS = 200;
const BUSY_FOR_MS = 1000;

/** The part of node-pty's native addon that opens a pair without starting a program; its typings leave it out. */
interface NativePty {
  open(columns: number, rows: number): {master: number; slave: number; pty: string};
  resize(fd: number, columns: number, rows: number, pixelWidth: number, pixelHeight: number): void;
}

function isNativePty(value: unknown): value is NativePty {
  if (typeof value !== 'object' || value === null || !('open' in value) || !('resize' in value)) return false;
  return typeof value.open === 'function' && typeof value.resize === 'function';
}

async function loadNativePty(): Promise<NativePty> {
  let loaded: unknown;
  let cause: unknown;
  try {
    loaded = Reflect.get(await import('node-pty'), 'native');
  } catch (error) {
    cause = error;
  }
  if (isNativePty(loaded)) return loaded;
  throw new ParavirtError('unavailable', 'This host offers no pseudoterminals.', 'Use a socket instead.', cause);
}

/** A pty's master end. */
class PtyEndpoint implements CharEndpoint {
  readonly address: string;
  readonly #native: NativePty;
  readonly #master: number;
  readonly #listener: CharEndpointListener;
  readonly #input: AttachedInput;
  readonly #readBuffer = new Uint8Array(READ_BYTES);
  #timer: NodeJS.Timeout | undefined;
  #isAttached = false;
  #isDisposed = false;
  #busyUntilMs = 0;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #droppedBytes = 0;

  constructor(native: NativePty, master: number, address: string, listener: CharEndpointListener) {
    this.#native = native;
    this.#master = master;
    this.address = address;
    this.#listener = listener;
    this.#input = new AttachedInput(listener);
    this.#schedule();
  }

  get attachedCount(): number {
    return this.#isAttached ? 1 : 0;
  }

  get droppedBytes(): number {
    return this.#droppedBytes;
  }

  write(bytes: Uint8Array): void {
    if (!this.#isAttached || this.#isDisposed || this.#pendingBytes + bytes.length > PTY_PENDING_BYTES_MAX) {
      this.#droppedBytes += bytes.length;
      return;
    }
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    this.#flush();
    if (this.#pendingBytes > 0) this.#hurry();
  }

  resumeInput(): void {
    if (!this.#isDisposed && this.#input.retry()) this.#hurry();
  }

  resize(columns: number, rows: number): void {
    if (!this.#isDisposed) this.#native.resize(this.#master, columns, rows, 0, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    clearTimeout(this.#timer);
    closeSync(this.#master);
  }

  #poll(): void {
    for (let reads = 0; reads < READS_PER_TURN && !this.#input.isBlocked; reads++) {
      const count = this.#read();
      if (count <= 0) break;
      this.#busyUntilMs = performance.now() + BUSY_FOR_MS;
      this.#input.offer(this.#readBuffer.slice(0, count));
      // The owner may have closed us from inside.
      if (this.#isDisposed) return;
    }
    this.#flush();
    this.#schedule();
  }

  /** Bytes read; 0 when there are none now. Keeps the attached state up to date. */
  #read(): number {
    try {
      const count = readSync(this.#master, this.#readBuffer);
      this.#setAttached(true);
      return count;
    } catch (error) {
      // EAGAIN: open and silent. EIO: nobody has it open. Anything else cannot be read either.
      this.#setAttached(isErrno(error, 'EAGAIN'));
      return 0;
    }
  }

  #setAttached(isAttached: boolean): void {
    if (isAttached === this.#isAttached) return;
    this.#isAttached = isAttached;
    if (!isAttached) {
      this.#droppedBytes += this.#pendingBytes;
      this.#pending = [];
      this.#pendingBytes = 0;
    }
    this.#listener.attachedChanged?.(this.attachedCount);
  }

  #flush(): void {
    try {
      while (this.#pending.length > 0) {
        const first = this.#pending[0]!;
        const count = writeSync(this.#master, first);
        this.#pendingBytes -= count;
        if (count < first.length) this.#pending[0] = first.subarray(count);
        else this.#pending.shift();
      }
    } catch (error) {
      // EAGAIN: whoever is attached does not read just now; the bytes wait for the next look.
      if (!isErrno(error, 'EAGAIN')) this.#setAttached(false);
    }
  }

  #hurry(): void {
    this.#busyUntilMs = performance.now() + BUSY_FOR_MS;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isDisposed) return;
    clearTimeout(this.#timer);
    const isBusy = performance.now() < this.#busyUntilMs;
    const delayMs = !this.#isAttached ? DETACHED_POLL_MS : isBusy ? BUSY_POLL_MS : IDLE_POLL_MS;
    this.#timer = setTimeout(() => this.#poll(), delayMs);
    // Watching a terminal is no reason for the process to live.
    this.#timer.unref();
  }
}

/**
 * Opens a pseudoterminal in raw mode, so that a guest's output does not come back as its input.
 * Errors: `unavailable` where the host has no pseudoterminals or none left
 */
export async function openPty(
  listener: CharEndpointListener,
  size: {readonly columns: number; readonly rows: number} = {columns: 80, rows: 24},
): Promise<CharEndpoint> {
  const native = await loadNativePty();
  try {
    const pair = native.open(size.columns, size.rows);
    await makeRaw(native, pair.slave);
    return new PtyEndpoint(native, pair.master, pair.pty, listener);
  } catch (error) {
    throw new ParavirtError('unavailable', 'The host has no pseudoterminal left.', 'Use a socket instead.', error);
  }
}

/**
 * Sets a terminal to raw mode for good and closes it. Node can only do the first half: libuv restores the first terminal a
 * process made raw when that one is closed. So a scratch terminal is made raw first, and is the one that is restored.
 */
async function makeRaw(native: NativePty, slave: number): Promise<void> {
  const scratch = native.open(80, 24);
  const scratchStream = new ReadStream(scratch.slave);
  const stream = new ReadStream(slave);
  scratchStream.setRawMode(true);
  stream.setRawMode(true);
  await closed(stream);
  await closed(scratchStream);
  // The streams worked on descriptors of their own, reopened by libuv.
  for (const fd of [slave, scratch.slave, scratch.master]) closeSync(fd);
}

function closed(stream: ReadStream): Promise<void> {
  return new Promise((resolve) => {
    stream.once('close', () => resolve());
    stream.destroy();
  });
}

const isErrno = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;
