/**
 * Keeps one machine process waiting while machines are started, so that the next is there at once: after each start the
 * next spare one is begun, when the machine that was started had time to boot. It goes when none was needed for long.
 */
import {freemem} from 'node:os';
import type {ShapeHint} from './groundwork.js';
import type {MachineProgram} from './node-flags.js';
import {SpareProcess, sweepSpares} from './spare-process.js';

/** After a start: its guest has the host's cores to itself for that long. */
const PAUSE_MS = 1000;
/** A process that waits takes some 70 MiB; below this much free memory none does. */
const FREE_BYTES_MIN = 512 * 1024 * 1024;

/** What it keeps processes of. */
export interface SpareOptions extends MachineProgram {
  readonly runtimeFolder: string;
  /** Where waiting processes have their folders; without one there are none. */
  readonly sparesFolder?: string | undefined;
  /** How long one waits. 0: there is none. */
  readonly spareIdleMs: number;
}

/** See the module. */
export class SpareKeeper {
  readonly #options: SpareOptions;
  #spare: SpareProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  #shape: ShapeHint | undefined;
  #swept: Promise<void> | undefined;

  constructor(options: SpareOptions) {
    this.#options = options;
  }

  /** The process that waits, if there is one; the caller's from now on. */
  take(): SpareProcess | undefined {
    const spare = this.#spare;
    this.#spare = undefined;
    return spare?.isThere ? spare : undefined;
  }

  /** A machine of this shape was started. */
  used(shape: ShapeHint): void {
    const {sparesFolder, spareIdleMs} = this.#options;
    if (sparesFolder === undefined || spareIdleMs === 0) return;
    this.#shape = shape;
    this.#schedule(PAUSE_MS, () => this.#begin(sparesFolder));
  }

  #endLater(): void {
    this.#schedule(this.#options.spareIdleMs, () => this.take()?.[Symbol.dispose]());
  }

  #schedule(afterMs: number, work: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(work, afterMs).unref();
  }

  #begin(spares: string): void {
    if (this.#spare?.isThere) {
      this.#endLater();
      return;
    }
    if (this.#shape === undefined || freemem() < FREE_BYTES_MIN) return;
    const shape = this.#shape;
    this.#swept ??= sweepSpares(spares);
    this.#swept
      .then(() => SpareProcess.start(this.#options, {spares, runtime: this.#options.runtimeFolder}, shape))
      .then((spare) => {
        this.#spare?.[Symbol.dispose]();
        this.#spare = spare;
        this.#endLater();
      })
      // Without one the next start takes a little longer.
      .catch((thrown: unknown) => console.error(`spare process: ${thrown instanceof Error ? thrown.message : thrown}`));
  }
}
