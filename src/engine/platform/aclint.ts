/**
 * The core-local interruptor in its CLINT layout: software interrupts between harts and the machine timer.
 *   0x0000 + 4h  msip of hart h          0x4000 + 8h  mtimecmp of hart h          0xbff8  mtime
 * `mtime` is the machine's clock at 10 MHz plus an offset that is 0 until a guest writes `mtime`.
 */
import type {AccessBytes, Clock, DeviceModel, MmioRegion} from '../contract.js';
import {TIMEBASE_HZ} from './memory-map.js';

const MAX_HARTS = 64;
const NS_PER_TICK = 1_000_000_000 / TIMEBASE_HZ;
const TWO_32 = 0x1_0000_0000;

const MTIMECMP_OFFSET = 0x4000;
const MTIME_OFFSET = 0xbff8;

// Cells of the shared state.
const OFFSET_LOW = 0;
const OFFSET_HIGH = 1;
const LATCHED_HIGH = 2;
const IS_LATCHED = 3;
const MSIP = 4;
/** 1 once the guest set the hart's mtimecmp: before that there is no deadline, whatever a zero-filled cell says. */
const IS_ARMED = MSIP + MAX_HARTS;
const MTIMECMP = IS_ARMED + MAX_HARTS;
const CELLS = MTIMECMP + MAX_HARTS * 2;

/** What the interruptor acts on: the harts' pending bits, owned by whoever owns the harts. */
export interface AclintHooks {
  readonly cells: Int32Array<SharedArrayBuffer>;
  readonly hartCount: number;
  readonly clock: Clock;
  /** Sets or clears the hart's machine software interrupt (MSIP). */
  setSoftwarePending(hart: number, isPending: boolean): void;
  /**
   * The hart's machine timer interrupt (MTIP) is to be pending from this tick of the machine's clock on, and not
   * before: an earlier MTIP goes away when the deadline lies ahead. A 64-bit store arrives as two calls.
   * Units: 10 MHz ticks as two u32
   */
  setTimerDeadline(hart: number, low: number, high: number): void;
}

/** The interruptor's registers. One instance per thread over the same cells. */
export class Aclint implements MmioRegion {
  readonly #hooks: AclintHooks;
  readonly #cells: Int32Array<SharedArrayBuffer>;
  #low = 0;
  #high = 0;

  constructor(hooks: AclintHooks) {
    if (hooks.cells.length < CELLS) throw new RangeError(`ACLINT state needs ${CELLS} cells`);
    if (hooks.hartCount < 1 || hooks.hartCount > MAX_HARTS)
      throw new RangeError(`ACLINT serves 1 to ${MAX_HARTS} harts`);
    this.#hooks = hooks;
    this.#cells = hooks.cells;
  }

  /** What to add to the clock's ticks to get `mtime` (and the `time` CSR), low half; 0 unless a guest wrote mtime. */
  get offsetLow(): number {
    return Atomics.load(this.#cells, OFFSET_LOW) >>> 0;
  }

  /** High half of what to add to the clock's ticks. */
  get offsetHigh(): number {
    return Atomics.load(this.#cells, OFFSET_HIGH) >>> 0;
  }

  /**
   * A 64-bit read arrives as low then high: the low read keeps the high half that belongs to it, the next high read
   * takes it. A high read alone sees the present.
   */
  read(offset: number, size: AccessBytes): number {
    if (size !== 4) return 0;
    if (offset === MTIME_OFFSET) {
      this.#readTime();
      this.#cells[LATCHED_HIGH] = this.#high;
      this.#cells[IS_LATCHED] = 1;
      return this.#low;
    }
    if (offset === MTIME_OFFSET + 4) {
      if (this.#cells[IS_LATCHED] !== 0) {
        this.#cells[IS_LATCHED] = 0;
        return this.#cells[LATCHED_HIGH]! >>> 0;
      }
      this.#readTime();
      return this.#high;
    }
    const cell = this.#cellOf(offset);
    return cell < 0 ? 0 : this.#cells[cell]! >>> 0;
  }

  write(offset: number, size: AccessBytes, value: number): void {
    if (size !== 4) return;
    if (offset === MTIME_OFFSET || offset === MTIME_OFFSET + 4) {
      this.#writeTime(offset === MTIME_OFFSET, value);
      return;
    }
    const cell = this.#cellOf(offset);
    if (cell < 0) return;
    if (cell < IS_ARMED) {
      this.#cells[cell] = value & 1;
      this.#hooks.setSoftwarePending(cell - MSIP, (value & 1) !== 0);
      return;
    }
    const hart = (cell - MTIMECMP) >>> 1;
    this.#cells[cell] = value;
    this.#cells[IS_ARMED + hart] = 1;
    this.#announceDeadline(hart);
  }

  /** The cell behind an msip or mtimecmp register, -1 when there is none. */
  #cellOf(offset: number): number {
    const hartCount = this.#hooks.hartCount;
    if (offset < MTIMECMP_OFFSET) return offset >>> 2 < hartCount ? MSIP + (offset >>> 2) : -1;
    const word = (offset - MTIMECMP_OFFSET) >>> 2;
    return word < hartCount * 2 ? MTIMECMP + word : -1;
  }

  #readTime(): void {
    this.#readClock();
    const low = this.#low + this.offsetLow;
    this.#low = low >>> 0;
    this.#high = (this.#high + this.offsetHigh + (low >= TWO_32 ? 1 : 0)) >>> 0;
  }

  /** Clock ticks fit a double exactly for 28 years. */
  #readClock(): void {
    const ticks = Math.floor(this.#hooks.clock.nowNs() / NS_PER_TICK);
    this.#low = ticks >>> 0;
    this.#high = Math.floor(ticks / TWO_32) >>> 0;
  }

  #writeTime(isLowHalf: boolean, value: number): void {
    this.#readTime();
    const low = isLowHalf ? value : this.#low;
    const high = isLowHalf ? this.#high : value;
    this.#readClock();
    Atomics.store(this.#cells, OFFSET_LOW, (low - this.#low) | 0);
    Atomics.store(this.#cells, OFFSET_HIGH, (high - this.#high - (low < this.#low ? 1 : 0)) | 0);
    this.#cells[IS_LATCHED] = 0;
    for (let hart = 0; hart < this.#hooks.hartCount; hart++) {
      if (this.#cells[IS_ARMED + hart] !== 0) this.#announceDeadline(hart);
    }
  }

  /** Deadlines are compared with the clock, so the guest's offset comes off; one before the clock's zero is due now. */
  #announceDeadline(hart: number): void {
    const cmpLow = this.#cells[MTIMECMP + hart * 2]! >>> 0;
    const cmpHigh = this.#cells[MTIMECMP + hart * 2 + 1]! >>> 0;
    const offsetLow = this.offsetLow;
    const offsetHigh = this.offsetHigh;
    if (offsetLow === 0 && offsetHigh === 0) {
      this.#hooks.setTimerDeadline(hart, cmpLow, cmpHigh);
      return;
    }
    // Rare (a guest moved mtime): compare in the guest's time, which wraps, then express what is left in the clock's.
    this.#readTime();
    const now = (BigInt(this.#high) << 32n) | BigInt(this.#low);
    const deadline = (BigInt(cmpHigh) << 32n) | BigInt(cmpLow);
    this.#readClock();
    const clock = (BigInt(this.#high) << 32n) | BigInt(this.#low);
    const left = deadline > now ? deadline - now : 0n;
    const target = clock + left > 0xffff_ffff_ffff_ffffn ? 0xffff_ffff_ffff_ffffn : clock + left;
    this.#hooks.setTimerDeadline(hart, Number(target & 0xffff_ffffn), Number(target >> 32n));
  }
}

/** What the interruptor's device-tree node depends on. */
export interface AclintOptions {
  readonly hartCount: number;
}

/** The interruptor's place in the platform. Built with `createAclint`, since it acts on the harts. */
export const aclint: Omit<DeviceModel<AclintOptions>, 'create'> = {
  kind: 'aclint',
  sizeBytes: 0x1_0000,
  stateBytes: CELLS * 4,
  nodes(placement, {hartCount}) {
    const lines: number[] = [];
    for (let hart = 0; hart < hartCount; hart++) {
      const controller = placement.phandle(`cpu${hart}-intc`);
      lines.push(controller, 3, controller, 7);
    }
    return [
      {
        name: `clint@${placement.address.toString(16)}`,
        properties: {
          compatible: {strings: ['sifive,clint0', 'riscv,clint0']},
          reg: {cells: [0, placement.address, 0, placement.sizeBytes]},
          'interrupts-extended': {cells: lines},
        },
      },
    ];
  },
};

/** Builds one thread's view of the interruptor. `cells` is its shared state of `aclint.stateBytes` bytes. */
export function createAclint(hooks: AclintHooks): Aclint {
  return new Aclint(hooks);
}
