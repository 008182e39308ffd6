/** Keeps curves of the machine whose graphs are looked at: asks the daemon again when another step of them is over. */
import {metricsCurves} from '../../manager/protocol/metrics.js';
import type {GraphsNews} from '../state/events.js';
import type {FleetClient} from './backend.js';

/** Points of a curve: as many as a chart has room for. */
const POINTS = 120;
/** After a failure. Units: milliseconds */
const RETRY_MS = 5000;

/** Which curves are looked at. */
export interface WatchedCurves {
  readonly machineId: string;
  readonly spanMs: number;
}

/** See the module. */
export class CurveWatch {
  private readonly client: FleetClient;
  private readonly dispatch: (news: GraphsNews) => void;
  private watched: WatchedCurves | undefined;
  private askedAtMs = 0;
  private stepMs = 0;
  private isAsking = false;

  constructor(client: FleetClient, dispatch: (news: GraphsNews) => void) {
    this.client = client;
    this.dispatch = dispatch;
  }

  /** Says what is looked at and what time it is; asks when that is new, or has a new step. */
  follow(watched: WatchedCurves | undefined, nowMs: number): void {
    if (watched?.machineId !== this.watched?.machineId || watched?.spanMs !== this.watched?.spanMs) {
      this.watched = watched;
      this.stepMs = 0;
    }
    const isDue = this.stepMs === 0 || Math.floor(nowMs / this.stepMs) > Math.floor(this.askedAtMs / this.stepMs);
    const target = this.watched;
    if (target === undefined || !isDue || this.isAsking || this.client.state !== 'connected') return;
    this.isAsking = true;
    this.askedAtMs = nowMs;
    this.stepMs = RETRY_MS;
    this.ask(target)
      .catch((error: unknown) => {
        const problem = error instanceof Error ? error.message : String(error);
        if (this.watched === target) this.dispatch({type: 'curvesFailed', problem});
      })
      .finally(() => {
        this.isAsking = false;
        // Another one was chosen meanwhile.
        if (this.watched !== target) this.follow(this.watched, nowMs);
      });
  }

  private async ask(target: WatchedCurves): Promise<void> {
    const {machineId, spanMs} = target;
    const data = await this.client.request(metricsCurves, {machine: machineId, spanMs, points: POINTS});
    if (this.watched !== target) return;
    this.stepMs = data.stepMs;
    this.dispatch({type: 'curvesLoaded', curves: {machineId, spanMs, data}});
  }
}
