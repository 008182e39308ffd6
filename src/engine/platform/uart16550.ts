/**
 * A 16550A serial port. Eight byte-wide registers (LCR.DLAB selects the divisor behind 0 and 1):
 *   0 RBR/THR/DLL   1 IER/DLM   2 IIR/FCR   3 LCR   4 MCR   5 LSR   6 MSR   7 SCR
 *
 * The line has no speed: a byte written is sent at once, so the transmitter is always empty, and a byte from the host
 * waits in a ring until the guest reads it (the ring is the FIFO and the line before it). Both rings are
 * single-producer, single-consumer: harts, one at a time under the bus lock, on one end and the I/O thread on the
 * other. The interrupt line is a function of the registers and rings; both sides recompute it after their change, under
 * a lock, so the later one sees both changes.
 */
import type {AccessBytes, DeviceContext, DeviceModel, MmioRegion} from '../contract.js';
import {SharedLock} from './shared-lock.js';

const IER_RDI = 1;
const IER_THRI = 2;
const IER_RLSI = 4;
const IER_MSI = 8;
const IER_MASK = 0x0f;
const IIR_NONE = 1;
const IIR_MSI = 0;
const IIR_THRI = 2;
const IIR_RDI = 4;
const IIR_RLSI = 6;
const IIR_TIMEOUT = 12;
const IIR_FIFO_ON = 0xc0;
const FCR_ENABLE = 1;
const FCR_CLEAR_RX = 2;
const FCR_TRIGGER_SHIFT = 6;
const LCR_DLAB = 0x80;
const MCR_LOOP = 0x10;
const LSR_DATA_READY = 1;
const LSR_OVERRUN = 2;
const LSR_THR_EMPTY = 0x20;
const LSR_IDLE = 0x40;
const MSR_CONNECTED = 0xb0; // carrier, data set ready, clear to send
const TRIGGER_LEVELS = [1, 4, 8, 14] as const;
const FIFO_BYTES = 16;

const TX_BYTES = 16384;
const RX_BYTES = 4096;

// Cells of the shared state. Ring positions count bytes modulo 2^32; the byte is at position modulo ring size.
const LOCK = 0;
const IRQ_LEVEL = 1;
const TX_HEAD = 2; // next byte the host takes
const TX_TAIL = 3; // next byte a hart puts
const RX_HEAD = 4; // next byte a hart takes
const RX_TAIL = 5; // next byte the host puts
const RX_IS_REFUSED = 6; // the host had more input than space: ring the doorbell when there is space again
const IER = 7; // and IS_TERMINAL
const FCR = 8;
const LCR = 9;
const MCR = 10;
const SCR = 11;
const DLL = 12;
const DLM = 13;
const OVERRUN = 14;
const MSR_DELTA = 15;
const THR_INTERRUPT = 16; // "transmitter became empty", until IIR reports it or THR is written
const LOOP_COUNT = 17;
const LOOP_CELLS = 18; // 16 bytes received in loopback mode
/** Beside the guest's bits in IER: see `isTerminal`. There, states saved before it was kept can still be restored. */
const IS_TERMINAL = 0x100;
const TX_OFFSET = (LOOP_CELLS + FIFO_BYTES / 4) * 4;
const RX_OFFSET = TX_OFFSET + TX_BYTES;

/** The serial port: registers for harts, `takeOutput` and `pushInput` for the I/O thread. */
export class Uart16550 implements MmioRegion {
  readonly #context: DeviceContext;
  readonly #cells: Int32Array<SharedArrayBuffer>;
  readonly #tx: Uint8Array<SharedArrayBuffer>;
  readonly #rx: Uint8Array<SharedArrayBuffer>;
  readonly #loop: Uint8Array<SharedArrayBuffer>;
  readonly #lock: SharedLock;

  constructor(context: DeviceContext) {
    const {buffer, byteOffset} = context.state;
    this.#context = context;
    this.#cells = context.cells;
    this.#tx = new Uint8Array(buffer, byteOffset + TX_OFFSET, TX_BYTES);
    this.#rx = new Uint8Array(buffer, byteOffset + RX_OFFSET, RX_BYTES);
    this.#loop = new Uint8Array(buffer, byteOffset + LOOP_CELLS * 4, FIFO_BYTES);
    this.#lock = new SharedLock(context.cells, LOCK);
  }

  /**
   * Host side: everything the guest has sent since the last call, empty when nothing. Call it on every doorbell; a
   * guest that sends more than 16 KiB without that waits once, then loses bytes.
   */
  takeOutput(): Uint8Array {
    const head = Atomics.load(this.#cells, TX_HEAD);
    const tail = Atomics.load(this.#cells, TX_TAIL);
    const length = (tail - head) >>> 0;
    const output = new Uint8Array(length);
    copyOut(this.#tx, head, output);
    Atomics.store(this.#cells, TX_HEAD, tail);
    // A byte put while we copied found the ring not empty and rang nothing.
    if (Atomics.load(this.#cells, TX_TAIL) !== tail) this.#context.doorbell.ring();
    return output;
  }

  /**
   * Host side: offers input to the guest and returns how many bytes were accepted. After a short count the doorbell
   * rings when there is space for the rest.
   */
  pushInput(bytes: Uint8Array): number {
    let accepted = this.#appendInput(bytes);
    if (accepted < bytes.length) {
      Atomics.store(this.#cells, RX_IS_REFUSED, 1);
      // A hart that made space before it could see the flag rings nothing: try once more.
      accepted += this.#appendInput(bytes.subarray(accepted));
    }
    if (accepted > 0) this.#updateIrq();
    return accepted;
  }

  /**
   * Host side: a program of the guest has the port as its terminal, or had: it was sent to while it received, both by
   * interrupts. Boot loaders poll, and so do kernels for their messages.
   */
  get isTerminal(): boolean {
    return (Atomics.load(this.#cells, IER) & IS_TERMINAL) !== 0;
  }

  /** Reads allocate nothing and take no lock unless they change what is pending. */
  read(offset: number, _size: AccessBytes): number {
    const cells = this.#cells;
    switch (offset) {
      case 5:
        return this.#readLineStatus();
      case 0:
        return (cells[LCR]! & LCR_DLAB) !== 0 ? cells[DLL]! : this.#receive();
      case 1:
        return (cells[LCR]! & LCR_DLAB) !== 0 ? cells[DLM]! : cells[IER]! & IER_MASK;
      case 2:
        return this.#readInterruptId();
      case 3:
        return cells[LCR]!;
      case 4:
        return cells[MCR]!;
      case 6:
        return this.#readModemStatus();
      case 7:
        return cells[SCR]!;
      default:
        return 0;
    }
  }

  write(offset: number, _size: AccessBytes, value: number): void {
    const cells = this.#cells;
    const byte = value & 0xff;
    switch (offset) {
      case 0:
        if ((cells[LCR]! & LCR_DLAB) !== 0) cells[DLL] = byte;
        else this.#transmit(byte);
        return;
      case 1:
        if ((cells[LCR]! & LCR_DLAB) !== 0) cells[DLM] = byte;
        else this.#writeInterruptEnable(byte & IER_MASK);
        return;
      case 2:
        this.#writeFifoControl(byte);
        return;
      case 3:
        cells[LCR] = byte;
        return;
      case 4:
        this.#writeModemControl(byte & 0x1f);
        return;
      case 7:
        cells[SCR] = byte;
        return;
      default:
        return;
    }
  }

  #appendInput(bytes: Uint8Array): number {
    const tail = Atomics.load(this.#cells, RX_TAIL);
    const used = (tail - Atomics.load(this.#cells, RX_HEAD)) >>> 0;
    const count = Math.min(bytes.length, RX_BYTES - used);
    for (let i = 0; i < count; i++) this.#rx[(tail + i) & (RX_BYTES - 1)] = bytes[i]!;
    if (count > 0) Atomics.store(this.#cells, RX_TAIL, (tail + count) | 0);
    return count;
  }

  #isLoopback(): boolean {
    return (this.#cells[MCR]! & MCR_LOOP) !== 0;
  }

  /** Bytes the guest could read now. In loopback mode the line is cut off. */
  #available(): number {
    const cells = this.#cells;
    const looped = cells[LOOP_COUNT]!;
    if (this.#isLoopback()) return looped;
    return looped + ((Atomics.load(cells, RX_TAIL) - Atomics.load(cells, RX_HEAD)) >>> 0);
  }

  #receive(): number {
    const cells = this.#cells;
    let byte = 0;
    if (cells[LOOP_COUNT]! > 0) {
      byte = this.#loop[0]!;
      this.#loop.copyWithin(0, 1);
      cells[LOOP_COUNT]!--;
    } else if (this.#available() > 0) {
      const head = Atomics.load(cells, RX_HEAD);
      byte = this.#rx[head & (RX_BYTES - 1)]!;
      Atomics.store(cells, RX_HEAD, (head + 1) | 0);
      if (Atomics.load(cells, RX_IS_REFUSED) !== 0) this.#askForInput();
    } else {
      return 0;
    }
    this.#updateIrqAsHart();
    return byte;
  }

  /** Wakes the host for more only when half the ring is free, not once per byte. */
  #askForInput(): void {
    if (this.#available() > RX_BYTES / 2) return;
    Atomics.store(this.#cells, RX_IS_REFUSED, 0);
    this.#context.doorbell.ring();
  }

  #transmit(byte: number): void {
    const cells = this.#cells;
    if (this.#isLoopback()) {
      if (cells[LOOP_COUNT]! < ((cells[FCR]! & FCR_ENABLE) !== 0 ? FIFO_BYTES : 1)) {
        this.#loop[cells[LOOP_COUNT]!++] = byte;
      } else {
        cells[OVERRUN] = 1;
      }
    } else {
      this.#putOutput(byte);
    }
    cells[THR_INTERRUPT] = 1;
    this.#updateIrqAsHart();
  }

  #putOutput(byte: number): void {
    const cells = this.#cells;
    const tail = cells[TX_TAIL]!;
    if ((tail - Atomics.load(cells, TX_HEAD)) >>> 0 >= TX_BYTES) {
      this.#context.doorbell.ringAndWait();
      // Nobody takes the output: drop it as a line without a listener does.
      if ((tail - Atomics.load(cells, TX_HEAD)) >>> 0 >= TX_BYTES) return;
    }
    this.#tx[tail & (TX_BYTES - 1)] = byte;
    Atomics.store(cells, TX_TAIL, (tail + 1) | 0);
    // Read after the store: either we see an emptied ring and ring, or the host sees our byte (see takeOutput).
    if (Atomics.load(cells, TX_HEAD) === tail) this.#context.doorbell.ring();
  }

  #readLineStatus(): number {
    const cells = this.#cells;
    const ready = this.#available() > 0 ? LSR_DATA_READY : 0;
    if (cells[OVERRUN] === 0) return LSR_THR_EMPTY | LSR_IDLE | ready;
    cells[OVERRUN] = 0;
    this.#updateIrqAsHart();
    return LSR_THR_EMPTY | LSR_IDLE | ready | LSR_OVERRUN;
  }

  #readInterruptId(): number {
    const cause = this.#cause();
    if (cause === IIR_THRI) {
      this.#cells[THR_INTERRUPT] = 0;
      this.#updateIrqAsHart();
    }
    return cause | ((this.#cells[FCR]! & FCR_ENABLE) !== 0 ? IIR_FIFO_ON : 0);
  }

  #readModemStatus(): number {
    const status = this.#modemLines() | this.#cells[MSR_DELTA]!;
    if (this.#cells[MSR_DELTA] !== 0) {
      this.#cells[MSR_DELTA] = 0;
      this.#updateIrqAsHart();
    }
    return status;
  }

  /** In loopback mode the outputs RTS, DTR, OUT1 and OUT2 are the inputs CTS, DSR, RI and DCD. */
  #modemLines(): number {
    if (!this.#isLoopback()) return MSR_CONNECTED;
    const mcr = this.#cells[MCR]!;
    return ((mcr & 2) << 3) | ((mcr & 1) << 5) | ((mcr & 0x0c) << 4);
  }

  #writeInterruptEnable(value: number): void {
    const before = this.#cells[IER]!;
    const wasEnabled = (before & IER_THRI) !== 0;
    const isEnabled = (value & IER_THRI) !== 0;
    // Enabling the transmitter interrupt while it is empty raises it at once: drivers start sending that way.
    if (isEnabled !== wasEnabled) this.#cells[THR_INTERRUPT] = isEnabled ? 1 : 0;
    const isTerminal = isEnabled && (value & IER_RDI) !== 0 ? IS_TERMINAL : before & IS_TERMINAL;
    this.#cells[IER] = value | isTerminal;
    this.#updateIrq();
  }

  /** Clearing the receiver drops looped-back bytes only: input of the host counts as not yet on the line. */
  #writeFifoControl(value: number): void {
    const cells = this.#cells;
    const isToggled = ((cells[FCR]! ^ value) & FCR_ENABLE) !== 0;
    if (isToggled || (value & FCR_CLEAR_RX) !== 0) {
      cells[LOOP_COUNT] = 0;
      cells[OVERRUN] = 0;
    }
    cells[FCR] = (value & FCR_ENABLE) !== 0 ? value & 0xc9 : 0;
    this.#updateIrq();
  }

  #writeModemControl(value: number): void {
    const before = this.#modemLines();
    this.#cells[MCR] = value;
    const after = this.#modemLines();
    const changed = (before ^ after) >>> 4;
    // The ring indicator (bit 2) reports its trailing edge only.
    const deltas = (changed & ~4) | (changed & 4 & (before >>> 4));
    this.#cells[MSR_DELTA]! |= deltas;
    this.#updateIrq();
  }

  /** The pending cause of the highest priority as IIR spells it. */
  #cause(): number {
    const cells = this.#cells;
    const enabled = Atomics.load(cells, IER);
    if ((enabled & IER_RLSI) !== 0 && cells[OVERRUN] !== 0) return IIR_RLSI;
    if ((enabled & IER_RDI) !== 0) {
      const available = this.#available();
      // Fewer bytes than the trigger level: the character timeout, which a line without speed reaches at once.
      if (available > 0) return available >= this.#triggerLevel() ? IIR_RDI : IIR_TIMEOUT;
    }
    if ((enabled & IER_THRI) !== 0 && cells[THR_INTERRUPT] !== 0) return IIR_THRI;
    if ((enabled & IER_MSI) !== 0 && cells[MSR_DELTA] !== 0) return IIR_MSI;
    return IIR_NONE;
  }

  #triggerLevel(): number {
    const fcr = this.#cells[FCR]!;
    return (fcr & FCR_ENABLE) !== 0 ? TRIGGER_LEVELS[fcr >>> FCR_TRIGGER_SHIFT]! : 1;
  }

  /** A polling guest never enables an interrupt: nothing to compute then. Only harts change IER, so this is exact. */
  #updateIrqAsHart(): void {
    if ((this.#cells[IER]! & IER_MASK) !== 0 || this.#cells[IRQ_LEVEL] !== 0) this.#updateIrq();
  }

  #updateIrq(): void {
    this.#lock.acquire();
    const level = this.#cause() === IIR_NONE ? 0 : 1;
    if (this.#cells[IRQ_LEVEL] !== level) {
      this.#cells[IRQ_LEVEL] = level;
      this.#context.irq.set(level !== 0);
    }
    this.#lock.release();
  }
}

function copyOut(ring: Uint8Array, head: number, into: Uint8Array): void {
  const start = head & (ring.length - 1);
  const firstPart = Math.min(into.length, ring.length - start);
  into.set(ring.subarray(start, start + firstPart));
  into.set(ring.subarray(0, into.length - firstPart), firstPart);
}

/**
 * Model of the serial port.
 * Source: National Semiconductor PC16550D data sheet; QEMU hw/char/serial.c for what drivers rely on
 */
export const uart16550: DeviceModel<undefined, Uart16550> = {
  kind: 'uart16550',
  sizeBytes: 0x100,
  stateBytes: RX_OFFSET + RX_BYTES,
  create: (context) => new Uart16550(context),
  nodes(placement) {
    return [
      {
        name: `serial@${placement.address.toString(16)}`,
        properties: {
          compatible: {strings: ['ns16550a']},
          reg: {cells: [0, placement.address, 0, placement.sizeBytes]},
          'clock-frequency': {cells: [3_686_400]},
          interrupts: {cells: [placement.irq]},
          'interrupt-parent': {cells: [placement.interruptParent]},
        },
      },
    ];
  },
};
