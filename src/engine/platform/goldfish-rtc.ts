/**
 * The goldfish real-time clock: wall-clock nanoseconds and one alarm.
 *   0x00 TIME_LOW (read keeps TIME_HIGH)   0x04 TIME_HIGH         0x08 ALARM_LOW (write arms)   0x0c ALARM_HIGH
 *   0x10 IRQ_ENABLED                       0x14 CLEAR_ALARM       0x18 ALARM_STATUS             0x1c CLEAR_INTERRUPT
 *
 * Time is the host's wall clock plus an offset that is 0 until a guest sets the clock; it moves on while the machine is
 * paused or saved. The alarm needs somebody with a timer: the I/O thread asks `nextAlarmMs` on each doorbell and
 * calls `fireDueAlarm` then.
 */
import type {AccessBytes, DeviceContext, DeviceModel, MmioRegion} from '../contract.js';
import {SharedLock} from './shared-lock.js';

const TIME_LOW = 0x00;
const TIME_HIGH = 0x04;
const ALARM_LOW = 0x08;
const ALARM_HIGH = 0x0c;
const IRQ_ENABLED = 0x10;
const CLEAR_ALARM = 0x14;
const ALARM_STATUS = 0x18;
const CLEAR_INTERRUPT = 0x1c;

// Shared state: cells, then 64-bit values at byte offsets.
const LOCK = 0;
const LATCHED_HIGH = 1;
const WRITTEN_HIGH = 2;
const WRITTEN_ALARM_HIGH = 3;
const IS_ARMED = 4;
const IS_ENABLED = 5;
const IS_PENDING = 6;
const OFFSET_NS = 32;
const ALARM_NS = 40;
const STATE_BYTES = 48;

const NS_PER_MS = 1_000_000n;

/** The clock's registers for harts, its alarm for the I/O thread. Nothing here is hot: a guest reads it at boot. */
export class GoldfishRtc implements MmioRegion {
  readonly #context: DeviceContext;
  readonly #cells: Int32Array<SharedArrayBuffer>;
  readonly #state: DataView<SharedArrayBuffer>;
  readonly #lock: SharedLock;

  constructor(context: DeviceContext) {
    this.#context = context;
    this.#cells = context.cells;
    this.#state = context.state;
    this.#lock = new SharedLock(context.cells, LOCK);
  }

  /** Host side: milliseconds until the armed alarm (0 when it is due), or undefined when there is none. */
  nextAlarmMs(): number | undefined {
    this.#lock.acquire();
    const left = this.#cells[IS_ARMED] === 0 ? undefined : this.#alarmNs() - this.#nowNs();
    this.#lock.release();
    if (left === undefined) return undefined;
    return left <= 0n ? 0 : Number((left + NS_PER_MS - 1n) / NS_PER_MS);
  }

  /** Host side: raises the interrupt if the alarm is due; an early call does nothing. */
  fireDueAlarm(): void {
    this.#lock.acquire();
    if (this.#cells[IS_ARMED] !== 0 && this.#alarmNs() <= this.#nowNs()) {
      this.#cells[IS_ARMED] = 0;
      this.#cells[IS_PENDING] = 1;
      this.#updateIrq();
    }
    this.#lock.release();
  }

  read(offset: number, size: AccessBytes): number {
    if (size !== 4) return 0;
    switch (offset) {
      case TIME_LOW: {
        const now = this.#nowNs();
        this.#cells[LATCHED_HIGH] = Number(BigInt.asIntN(32, now >> 32n));
        return Number(BigInt.asUintN(32, now));
      }
      case TIME_HIGH:
        return this.#cells[LATCHED_HIGH]! >>> 0;
      case ALARM_LOW:
        return Number(BigInt.asUintN(32, this.#alarmNs()));
      case ALARM_HIGH:
        return Number(BigInt.asUintN(32, this.#alarmNs() >> 32n));
      case IRQ_ENABLED:
        return this.#cells[IS_ENABLED]!;
      case ALARM_STATUS:
        return this.#cells[IS_ARMED]!;
      default:
        return 0;
    }
  }

  write(offset: number, size: AccessBytes, value: number): void {
    if (size !== 4) return;
    this.#lock.acquire();
    const isAlarmChanged = this.#writeRegister(offset, value);
    this.#lock.release();
    // The I/O thread sets its timer anew; an alarm already due it fires at once.
    if (isAlarmChanged) this.#context.doorbell.ring();
  }

  #writeRegister(offset: number, value: number): boolean {
    const cells = this.#cells;
    switch (offset) {
      case TIME_LOW: {
        const time = join(cells[WRITTEN_HIGH]!, value);
        this.#state.setBigInt64(OFFSET_NS, time - this.#hostNs(), true);
        return cells[IS_ARMED] !== 0;
      }
      case TIME_HIGH:
        cells[WRITTEN_HIGH] = value;
        return false;
      case ALARM_LOW:
        this.#state.setBigInt64(ALARM_NS, join(cells[WRITTEN_ALARM_HIGH]!, value), true);
        cells[IS_ARMED] = 1;
        return true;
      case ALARM_HIGH:
        cells[WRITTEN_ALARM_HIGH] = value;
        return false;
      case IRQ_ENABLED:
        cells[IS_ENABLED] = value & 1;
        this.#updateIrq();
        return false;
      case CLEAR_ALARM: {
        const wasArmed = cells[IS_ARMED] !== 0;
        cells[IS_ARMED] = 0;
        return wasArmed;
      }
      case CLEAR_INTERRUPT:
        cells[IS_PENDING] = 0;
        this.#updateIrq();
        return false;
      default:
        return false;
    }
  }

  #updateIrq(): void {
    this.#context.irq.set(this.#cells[IS_PENDING] !== 0 && this.#cells[IS_ENABLED] !== 0);
  }

  #hostNs(): bigint {
    return BigInt(Date.now()) * NS_PER_MS;
  }

  #nowNs(): bigint {
    return BigInt.asIntN(64, this.#hostNs() + this.#state.getBigInt64(OFFSET_NS, true));
  }

  #alarmNs(): bigint {
    return this.#state.getBigInt64(ALARM_NS, true);
  }
}

function join(high: number, low: number): bigint {
  return (BigInt(high | 0) << 32n) | BigInt(low >>> 0);
}

/**
 * Model of the real-time clock.
 * Source: android goldfish-rtc as in QEMU hw/rtc/goldfish_rtc.c
 */
export const goldfishRtc: DeviceModel<undefined, GoldfishRtc> = {
  kind: 'goldfish-rtc',
  sizeBytes: 0x1000,
  stateBytes: STATE_BYTES,
  create: (context) => new GoldfishRtc(context),
  nodes(placement) {
    return [
      {
        name: `rtc@${placement.address.toString(16)}`,
        properties: {
          compatible: {strings: ['google,goldfish-rtc']},
          reg: {cells: [0, placement.address, 0, placement.sizeBytes]},
          interrupts: {cells: [placement.irq]},
          'interrupt-parent': {cells: [placement.interruptParent]},
        },
      },
    ];
  },
};
