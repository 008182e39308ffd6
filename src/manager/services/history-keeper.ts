/**
 * Keeps histories of metrics on disk: reads them when the daemon starts, writes those that grew every few minutes and
 * when it ends. A daemon that is killed loses what came since.
 */
import {HistoryStore} from '../store/history-store.js';
import {CURVE_LEVELS, type CurveHistory} from './curve-history.js';
import type {MetricsService} from './metrics-service.js';

/** Between writes; each takes some milliseconds and 100 KiB a machine that ran since. Units: milliseconds */
const WRITE_EVERY_MS = 300_000;
/** The host's file. Machines have their ids. */
const HOST = 'host';
const steps = CURVE_LEVELS.map(({stepMs}) => stepMs);

/** See the module. */
export class HistoryKeeper implements AsyncDisposable {
  readonly #store: HistoryStore;
  readonly #metrics: MetricsService;
  readonly #timer: NodeJS.Timeout;
  #working: Promise<void> = Promise.resolve();
  readonly #onForgotten = (id: string) => this.#inTurn(() => this.#store.remove(id));

  constructor(folder: string, metrics: MetricsService) {
    this.#store = new HistoryStore(folder);
    this.#metrics = metrics;
    metrics.events.on('forgotten', this.#onForgotten);
    this.#timer = setInterval(() => void this.save(), WRITE_EVERY_MS);
    this.#timer.unref();
  }

  /** Reads what there is of these machines and of the host; removes what is of others. */
  async load(ids: readonly string[]): Promise<void> {
    await this.#inTurn(async () => {
      await this.#store.sweep(new Set([HOST, ...ids]));
      for (const id of ids) {
        const levels = await this.#store.read(id, steps);
        if (levels !== undefined) this.#metrics.machineCurves(id).restore(levels);
      }
      const levels = await this.#store.read(HOST, steps);
      if (levels !== undefined) this.#metrics.hostCurves.restore(levels);
    });
  }

  /** Writes what grew since the last time. Never rejects: a full disk is told in the log. */
  save(): Promise<void> {
    return this.#inTurn(async () => {
      for (const id of this.#metrics.takeGrown()) await this.#write(id, this.#metrics.machineCurves(id));
      await this.#write(HOST, this.#metrics.hostCurves);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#metrics.events.off('forgotten', this.#onForgotten);
    await this.save();
  }

  async #write(name: string, curves: CurveHistory): Promise<void> {
    try {
      await this.#store.write(name, steps, curves.content());
    } catch (thrown) {
      console.error(`history of ${name}: ${thrown instanceof Error ? thrown.message : thrown}`);
    }
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#working = this.#working
      .then(work)
      .catch((thrown: unknown) => console.error(`history: ${thrown instanceof Error ? thrown.message : thrown}`));
    return this.#working;
  }
}
