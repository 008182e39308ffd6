/**
 * One port of a virtio console: the host's end (`CharPort`) and the pumps between it and the port's two queues.
 *
 *   guest: transmit queue ─▶ pumpOutput ─▶ listener.output          stops while output is paused
 *   host:  write ─▶ input queue (bounded) ─▶ pumpInput ─▶ receive queue     waits until the guest has opened the port
 *
 * A close travels behind the data: the guest's is told to the listener when the transmit queue is empty, the host's to the
 * guest when the input queue is.
 */
import type {CharPort, CharPortListener} from '../../char/contract.js';
import type {ActiveDriver} from '../../device.js';
import {ByteQueue} from './byte-queue.js';
import {receiveQueue, transmitQueue} from './layout.js';
import type {SavedPort} from './saved-port.js';

/** Input one port keeps for a guest that does not read. */
export const INPUT_LIMIT_BYTES = 64 << 10;
/** The most bytes the guest may write in one chain; Linux writes 32 KiB at most. Bounds the host's copy. */
export const WRITE_BYTES_MAX = 1 << 20;
/** Chains taken from one queue in one turn. Bounds how long one port keeps the I/O thread. */
export const CHAINS_PER_TURN = 64;

/** What a port did so far, for metrics. */
export interface PortCounters {
  outputBytes: number;
  inputBytes: number;
}

/** What a port needs of its device. */
export interface PortOptions {
  readonly id: number;
  readonly name: string;
  readonly isConsole: boolean;
  /** `isHostOpen` changed: tell the guest when there is a chance. */
  readonly onHostOpenChanged: () => void;
}

/** A port. */
export class ConsolePort implements CharPort {
  readonly id: number;
  readonly name: string;
  readonly isConsole: boolean;
  readonly counters: PortCounters = {outputBytes: 0, inputBytes: 0};
  readonly #options: PortOptions;
  readonly #input = new ByteQueue(INPUT_LIMIT_BYTES);
  #listener: CharPortListener | undefined;
  #driver: ActiveDriver | undefined;
  #isPaused = false;
  #isGuestOpen = false;
  #hasOutput = false;
  // The guest closed, but output it wrote before is still on its way.
  #isGuestClosing = false;
  #isHostOpen: boolean;
  #isHostClosing = false;
  #wantsDrained = false;

  constructor(options: PortOptions) {
    this.#options = options;
    this.id = options.id;
    this.name = options.name;
    this.isConsole = options.isConsole;
    this.#isHostOpen = options.isConsole;
  }

  get isGuestOpen(): boolean {
    return this.#isGuestOpen;
  }

  get hasOutput(): boolean {
    return this.#hasOutput;
  }

  /** What the guest is to be told about the host's end. */
  get isHostOpen(): boolean {
    return this.#isHostOpen;
  }

  /** Both ends as the guest knows them, and input on its way to it. */
  save(): Omit<SavedPort, 'isReady' | 'events'> {
    return {
      isGuestOpen: this.#isGuestOpen && !this.#isGuestClosing,
      isHostOpen: this.#isHostOpen,
      hasOutput: this.#hasOutput,
      input: Buffer.from(this.#input.copy()).toString('base64'),
    };
  }

  restore({isGuestOpen, isHostOpen, hasOutput = isGuestOpen, input}: SavedPort): void {
    this.#isGuestOpen = isGuestOpen;
    this.#hasOutput = hasOutput;
    this.#isHostOpen = isHostOpen;
    this.#input.put(Buffer.from(input, 'base64'));
  }

  listen(listener: CharPortListener | undefined): void {
    this.#listener = listener;
  }

  write(bytes: Uint8Array): number {
    if (this.#isHostClosing) return 0;
    // Room that the guest makes meanwhile is used at once: `drained` must not come while the caller does not know yet
    // how much was taken, since it would offer the same bytes again.
    this.#wantsDrained = false;
    let taken = 0;
    for (let count = -1; taken < bytes.length && count !== 0; taken += count) {
      count = this.#input.put(bytes.subarray(taken));
      this.pumpInput();
    }
    this.#wantsDrained = taken < bytes.length;
    return taken;
  }

  pauseOutput(): void {
    this.#isPaused = true;
  }

  resumeOutput(): void {
    this.#isPaused = false;
    this.pumpOutput();
  }

  setHostOpen(isOpen: boolean): void {
    if (this.isConsole) return;
    this.#isHostClosing = !isOpen && this.#input.lengthBytes > 0;
    if (!this.#isHostClosing) this.#changeHostOpen(isOpen);
  }

  /**
   * The driver is ready; both queues may be used. Without MULTIPORT there are no open and close messages, and the guest
   * counts as open while it has a driver.
   */
  activate(driver: ActiveDriver, isMultiport: boolean): void {
    this.#driver = driver;
    if (!isMultiport) this.#changeGuestOpen(true);
  }

  /** The driver is gone. Input it never read is gone with it; a half-closed end is closed. */
  reset(): void {
    this.#driver = undefined;
    this.#isGuestClosing = false;
    this.#hasOutput = false;
    this.#dropInput();
    this.#changeGuestOpen(false);
  }

  /** The guest's program opened or closed its end. */
  guestOpened(isOpen: boolean): void {
    if (isOpen) {
      this.#isGuestClosing = false;
      this.#changeGuestOpen(true);
      this.pumpInput();
    } else if (this.#isGuestOpen) {
      this.#isGuestClosing = true;
      this.pumpOutput();
    }
  }

  /** Delivers what the guest wrote, unless output is paused. */
  pumpOutput(): void {
    const driver = this.#driver;
    const index = transmitQueue(this.id);
    const queue = driver?.queues[index];
    if (driver === undefined || queue === undefined) return;
    for (let taken = 0; !this.#isPaused; taken++) {
      if (taken === CHAINS_PER_TURN) {
        driver.notifyLater(index);
        break;
      }
      const chain = queue.pop();
      if (chain === undefined) {
        if (this.#isGuestClosing) this.#finishGuestClose();
        break;
      }
      if (chain.reader.totalBytes > WRITE_BYTES_MAX) {
        driver.fail(index, 'request-too-large');
        return;
      }
      const bytes = chain.reader.copy(chain.reader.totalBytes);
      queue.push(chain);
      this.counters.outputBytes += bytes.length;
      if (bytes.length === 0) continue;
      this.#hasOutput = true;
      this.#listener?.output(bytes);
    }
    queue.publish();
  }

  /** Puts queued input into buffers the guest offers. */
  pumpInput(): void {
    const queue = this.#driver?.queues[receiveQueue(this.id)];
    if (queue === undefined || !this.#isGuestOpen) return;
    while (this.#input.lengthBytes > 0) {
      const chain = queue.pop();
      if (chain === undefined) break;
      while (chain.writer.remainingBytes > 0 && this.#input.lengthBytes > 0) {
        const count = chain.writer.write(this.#input.peek());
        this.#input.drop(count);
        this.counters.inputBytes += count;
      }
      queue.push(chain);
    }
    queue.publish();
    this.#inputShrank();
  }

  #finishGuestClose(): void {
    this.#isGuestClosing = false;
    // What the host wrote for the program that left is not for the next one.
    this.#dropInput();
    this.#changeGuestOpen(false);
  }

  #dropInput(): void {
    this.#input.clear();
    this.#inputShrank();
  }

  #inputShrank(): void {
    if (this.#isHostClosing && this.#input.lengthBytes === 0) {
      this.#isHostClosing = false;
      this.#changeHostOpen(false);
    }
    if (this.#wantsDrained && this.#input.lengthBytes < INPUT_LIMIT_BYTES) {
      this.#wantsDrained = false;
      this.#listener?.drained?.();
    }
  }

  #changeHostOpen(isOpen: boolean): void {
    if (this.#isHostOpen === isOpen) return;
    this.#isHostOpen = isOpen;
    this.#options.onHostOpenChanged();
  }

  #changeGuestOpen(isOpen: boolean): void {
    if (this.#isGuestOpen === isOpen) return;
    this.#isGuestOpen = isOpen;
    this.#listener?.guestOpenChanged?.(isOpen);
  }
}
