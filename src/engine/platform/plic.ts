/**
 * The platform-level interrupt controller. Collects the devices' level-triggered interrupt lines into one
 * external-interrupt bit per context; context 2h is hart h in M-mode, 2h + 1 the same hart in S-mode.
 *
 * Register map (RISC-V PLIC 1.0.0), all 32-bit:
 *   0x000000 + 4s          priority of source s (0 = never)
 *   0x001000 + 4w          pending bits of sources 32w…
 *   0x002000 + 0x80c + 4w  enable bits of context c
 *   0x200000 + 0x1000c     threshold of context c, and at +4 claim (read) / complete (write)
 *
 * A source's gateway: idle ──level high──▶ pending ──claim──▶ in service ──complete──▶ idle (and level sampled again).
 * All of it lives in shared cells; every change happens under one lock, which also orders the notifications.
 */
import type {AccessBytes, DeviceModel, MmioRegion} from '../contract.js';
import {SharedLock} from './shared-lock.js';

/** Highest interrupt source number. Source 0 does not exist. */
export const PLIC_MAX_SOURCE = 96;
/** Most harts the controller serves, two contexts each. */
export const PLIC_MAX_HARTS = 64;

const WORDS = 4;
const CONTEXTS = PLIC_MAX_HARTS * 2;
const PRIORITY_MASK = 7;

// Cells of the shared state.
const LOCK = 0;
const LEVEL = 4;
const PENDING = LEVEL + WORDS;
const IN_SERVICE = PENDING + WORDS;
const PRIORITY = IN_SERVICE + WORDS;
const ENABLE = PRIORITY + WORDS * 32;
const THRESHOLD = ENABLE + CONTEXTS * WORDS;
const NOTIFIED = THRESHOLD + CONTEXTS;
const CELLS = NOTIFIED + CONTEXTS;

const PENDING_OFFSET = 0x1000;
const ENABLE_OFFSET = 0x2000;
const ENABLE_STRIDE = 0x80;
const CONTEXT_OFFSET = 0x20_0000;
const CONTEXT_STRIDE = 0x1000;

/** Tells the hart of `context` that its external-interrupt bit changed. Called under the lock: must not call back. */
export type NotifyContext = (context: number, isPending: boolean) => void;

/** The interrupt controller over its shared cells. One instance per thread; all of them are the same controller. */
export class Plic implements MmioRegion {
  readonly #cells: Int32Array<SharedArrayBuffer>;
  readonly #contextCount: number;
  readonly #notifyContext: NotifyContext;
  readonly #lock: SharedLock;

  constructor(cells: Int32Array<SharedArrayBuffer>, hartCount: number, notifyContext: NotifyContext) {
    if (cells.length < CELLS) throw new RangeError(`PLIC state needs ${CELLS} cells`);
    if (hartCount < 1 || hartCount > PLIC_MAX_HARTS) throw new RangeError(`PLIC serves 1 to ${PLIC_MAX_HARTS} harts`);
    this.#cells = cells;
    this.#contextCount = hartCount * 2;
    this.#notifyContext = notifyContext;
    this.#lock = new SharedLock(cells, LOCK);
  }

  /** Sets the level of an interrupt line, from any thread. Repeating the present level costs one load. */
  setSource(irq: number, isAsserted: boolean): void {
    if (irq < 1 || irq > PLIC_MAX_SOURCE) return;
    const word = irq >>> 5;
    const bit = 1 << (irq & 31);
    if (((Atomics.load(this.#cells, LEVEL + word) & bit) !== 0) === isAsserted) return;
    this.#lock.acquire();
    if (isAsserted) {
      Atomics.or(this.#cells, LEVEL + word, bit);
      this.#sample(word, bit);
      this.#notifyAll();
    } else {
      // A request the gateway has already passed on stays pending until claimed (PLIC 1.0.0 §5).
      Atomics.and(this.#cells, LEVEL + word, ~bit);
    }
    this.#lock.release();
  }

  read(offset: number, size: AccessBytes): number {
    if (size !== 4) return 0;
    if (offset >= CONTEXT_OFFSET) {
      const context = Math.floor((offset - CONTEXT_OFFSET) / CONTEXT_STRIDE);
      if (context >= this.#contextCount) return 0;
      const register = offset & (CONTEXT_STRIDE - 1);
      if (register === 0) return this.#cells[THRESHOLD + context]!;
      return register === 4 ? this.#claim(context) : 0;
    }
    const cell = this.#cellOf(offset);
    return cell < 0 ? 0 : Atomics.load(this.#cells, cell) >>> 0;
  }

  write(offset: number, size: AccessBytes, value: number): void {
    if (size !== 4) return;
    this.#lock.acquire();
    if (offset >= CONTEXT_OFFSET) {
      const context = Math.floor((offset - CONTEXT_OFFSET) / CONTEXT_STRIDE);
      const register = offset & (CONTEXT_STRIDE - 1);
      if (context < this.#contextCount && register === 0) {
        this.#cells[THRESHOLD + context] = value & PRIORITY_MASK;
      } else if (context < this.#contextCount && register === 4) {
        this.#complete(context, value);
      }
    } else if (offset >= ENABLE_OFFSET) {
      const cell = this.#cellOf(offset);
      if (cell >= 0) this.#cells[cell] = value & sourceMask((cell - ENABLE) % WORDS);
    } else if (offset < PENDING_OFFSET) {
      const cell = this.#cellOf(offset);
      if (cell >= 0) this.#cells[cell] = value & PRIORITY_MASK;
    }
    this.#notifyAll();
    this.#lock.release();
  }

  /** The cell behind a priority, pending or enable register, -1 when there is no such register. */
  #cellOf(offset: number): number {
    if (offset < PENDING_OFFSET) {
      const source = offset >>> 2;
      return source >= 1 && source <= PLIC_MAX_SOURCE ? PRIORITY + source : -1;
    }
    if (offset < ENABLE_OFFSET) {
      const word = (offset - PENDING_OFFSET) >>> 2;
      return word < WORDS ? PENDING + word : -1;
    }
    const context = Math.floor((offset - ENABLE_OFFSET) / ENABLE_STRIDE);
    const word = (offset & (ENABLE_STRIDE - 1)) >>> 2;
    return context < this.#contextCount && word < WORDS ? ENABLE + context * WORDS + word : -1;
  }

  /** Highest priority first, lowest source number among equals; the threshold does not matter here (§9). */
  #claim(context: number): number {
    this.#lock.acquire();
    const source = this.#best(context, 0);
    if (source !== 0) {
      const word = source >>> 5;
      const bit = 1 << (source & 31);
      Atomics.and(this.#cells, PENDING + word, ~bit);
      this.#cells[IN_SERVICE + word]! |= bit;
      this.#notifyAll();
    }
    this.#lock.release();
    return source;
  }

  #complete(context: number, source: number): void {
    if (source < 1 || source > PLIC_MAX_SOURCE) return;
    const word = source >>> 5;
    const bit = 1 << (source & 31);
    // A source that is not enabled for this context is ignored (§10).
    if ((this.#cells[ENABLE + context * WORDS + word]! & bit) === 0) return;
    this.#cells[IN_SERVICE + word]! &= ~bit;
    this.#sample(word, bit);
  }

  #sample(word: number, bit: number): void {
    if ((this.#cells[LEVEL + word]! & ~this.#cells[IN_SERVICE + word]! & bit) !== 0) {
      Atomics.or(this.#cells, PENDING + word, bit);
    }
  }

  /** The pending and enabled source of the highest priority above `threshold`, or 0. */
  #best(context: number, threshold: number): number {
    let best = 0;
    let bestPriority = threshold;
    for (let word = 0; word < WORDS; word++) {
      let bits = this.#cells[PENDING + word]! & this.#cells[ENABLE + context * WORDS + word]!;
      while (bits !== 0) {
        const source = word * 32 + 31 - Math.clz32(bits & -bits);
        const priority = this.#cells[PRIORITY + source]!;
        if (priority > bestPriority) {
          best = source;
          bestPriority = priority;
        }
        bits &= bits - 1;
      }
    }
    return best;
  }

  #notifyAll(): void {
    for (let context = 0; context < this.#contextCount; context++) {
      const isPending = this.#best(context, this.#cells[THRESHOLD + context]!) !== 0;
      if ((this.#cells[NOTIFIED + context] !== 0) === isPending) continue;
      this.#cells[NOTIFIED + context] = isPending ? 1 : 0;
      this.#notifyContext(context, isPending);
    }
  }
}

/** Enable bits that exist in a word: source 0 and those above the last do not. */
function sourceMask(word: number): number {
  if (word === 0) return ~1;
  const sourcesHere = PLIC_MAX_SOURCE + 1 - word * 32;
  if (sourcesHere >= 32) return -1;
  return sourcesHere <= 0 ? 0 : (1 << sourcesHere) - 1;
}

/** What the controller's device-tree node depends on. */
export interface PlicOptions {
  readonly hartCount: number;
}

/**
 * The controller's place in the platform. It has no `create`: besides its state it needs a way to the harts, so
 * whoever owns them calls `createPlic`.
 */
export const plic: Omit<DeviceModel<PlicOptions>, 'create'> = {
  kind: 'plic',
  sizeBytes: 0x60_0000,
  stateBytes: CELLS * 4,
  nodes(placement, {hartCount}) {
    const contexts: number[] = [];
    for (let hart = 0; hart < hartCount; hart++) {
      const controller = placement.phandle(`cpu${hart}-intc`);
      contexts.push(controller, 11, controller, 9);
    }
    return [
      {
        name: `plic@${placement.address.toString(16)}`,
        properties: {
          compatible: {strings: ['sifive,plic-1.0.0', 'riscv,plic0']},
          reg: {cells: [0, placement.address, 0, placement.sizeBytes]},
          'interrupts-extended': {cells: contexts},
          'interrupt-controller': {flag: true},
          '#interrupt-cells': {cells: [1]},
          '#address-cells': {cells: [0]},
          'riscv,ndev': {cells: [PLIC_MAX_SOURCE]},
          phandle: {cells: [placement.phandle('plic')]},
        },
      },
    ];
  },
};

/**
 * Builds one thread's view of the interrupt controller.
 * Shape: `cells` is the zero-filled (or restored) shared state of `plic.stateBytes` bytes
 */
export function createPlic(
  cells: Int32Array<SharedArrayBuffer>,
  hartCount: number,
  notifyContext: NotifyContext,
): Plic {
  return new Plic(cells, hartCount, notifyContext);
}
