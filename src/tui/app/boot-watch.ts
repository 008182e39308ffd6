/** Looks at the console of a machine that has just been started, for the stage its guest is in. */
import type {Machine} from '../../manager/protocol/machine.js';
import {BOOT_TOLD_MS, bootStageOf, hasArrived} from '../state/boot-stage.js';
import type {AppEvent} from '../state/events.js';
import type {AppState} from '../state/model.js';

/** Between two looks. */
const LOOK_MS = 500;
/** What prints for so long without telling of a stage is a program, and the guest is there. */
const MAX_UNTOLD_MS = 4000;

/** What the watch works with. */
export interface BootWatchParts {
  /** The lines of a machine's console from above, when it is attached. */
  lines(machineId: string): readonly string[] | undefined;
  getState(): AppState;
  dispatch(event: AppEvent): void;
}

/** See the module. */
export class BootWatch implements Disposable {
  readonly #parts: BootWatchParts;
  #machine: Machine | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  /** When a look told nothing of a stage first, and none did since. Units: milliseconds of the process's clock */
  #untoldSinceMs: number | undefined;
  /** By machine, the start whose boot is over. Units: milliseconds since 1970 */
  readonly #arrived = new Map<string, number>();

  constructor(parts: BootWatchParts) {
    this.#parts = parts;
  }

  /** Says which machine is highlighted. */
  follow(machine: Machine | undefined): void {
    const isOther = machine?.id !== this.#machine?.id || machine?.startedAtMs !== this.#machine?.startedAtMs;
    this.#machine = machine;
    if (isOther) {
      this.#untoldSinceMs = undefined;
      this.printed();
    }
  }

  /** A console has changed: it is looked at, at most twice a second. */
  printed(): void {
    if (this.#timer !== undefined || !this.#isBooting()) return;
    const waitMs = Math.max(0, this.#lookedAtMs + LOOK_MS - performance.now());
    this.#timer = setTimeout(() => this.#look(), waitMs);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#machine = undefined;
  }

  #isBooting(): boolean {
    const machine = this.#machine;
    if (machine?.state !== 'running' || machine.startedAtMs === undefined) return false;
    return Date.now() - machine.startedAtMs < BOOT_TOLD_MS && this.#arrived.get(machine.id) !== machine.startedAtMs;
  }

  #look(): void {
    this.#timer = undefined;
    this.#lookedAtMs = performance.now();
    const machine = this.#machine;
    if (machine?.startedAtMs === undefined || !this.#isBooting()) return;
    const {id: machineId, startedAtMs} = machine;
    const lines = this.#parts.lines(machineId);
    if (lines === undefined) return;
    const seen = bootStageOf(lines);
    this.#untoldSinceMs = seen === undefined ? (this.#untoldSinceMs ?? this.#lookedAtMs) : undefined;
    const untoldMs = this.#lookedAtMs - (this.#untoldSinceMs ?? this.#lookedAtMs);
    const isArrived = hasArrived(lines) || untoldMs >= MAX_UNTOLD_MS;
    if (isArrived) this.#arrived.set(machineId, startedAtMs);
    const told = this.#parts.getState().boot;
    const before = told?.machineId === machineId && told.startedAtMs === startedAtMs ? told.stage : undefined;
    // What tells nothing of a stage leaves the one before for a while.
    const stage = isArrived ? undefined : (seen ?? before);
    if (stage !== before) this.#parts.dispatch({type: 'bootSeen', machineId, startedAtMs, stage});
  }
}
