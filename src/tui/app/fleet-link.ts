/**
 * Keeps the state's mirror of the daemon true: loads it when the connection opens or comes back, applies
 * notifications in order, and loads anew when a sequence number is missing.
 */
import {consoleActive} from '../../manager/protocol/console.js';
import {eventHappened, eventsSince, subscribe} from '../../manager/protocol/events.js';
import {imageList} from '../../manager/protocol/image.js';
import {jobFinished, jobProgressed} from '../../manager/protocol/job.js';
import {machineChanged, machineRemoved} from '../../manager/protocol/machine.js';
import {metricsHistory, metricsSampled} from '../../manager/protocol/metrics.js';
import {snapshotList} from '../../manager/protocol/snapshot.js';
import {timelineChanged, timelineShow} from '../../manager/protocol/timeline.js';
import type {AppEvent} from '../state/events.js';
import {type AppState, EVENTS_SHOWN, SAMPLES_SHOWN} from '../state/model.js';
import {seenConsoles} from '../state/selectors.js';
import {text} from '../text/text.js';
import type {FleetClient} from './backend.js';

type FleetNotice = Extract<AppEvent, {type: 'machineChanged' | 'machineRemoved'}>;

/** The link between one client and one store. */
export class FleetLink implements Disposable {
  private readonly client: FleetClient;
  private readonly getState: () => AppState;
  private readonly dispatch: (event: AppEvent) => void;
  private readonly failed: (error: unknown) => void;
  private readonly toast: (text: string) => void;
  private readonly subscriptions = new DisposableStack();
  private readonly historiesAsked = new Set<string>();
  // The machine whose timeline is shown, and whether it must be loaded (again).
  private followedId: string | undefined;
  private isTimelineStale = false;
  private isTimelineLoading = false;
  // Notices that came while a load was under way; they are applied after it.
  private waiting: FleetNotice[] | undefined;

  constructor(
    client: FleetClient,
    getState: () => AppState,
    dispatch: (event: AppEvent) => void,
    failed: (error: unknown) => void,
    toast: (text: string) => void = () => undefined,
  ) {
    this.toast = toast;
    this.failed = failed;
    this.client = client;
    this.getState = getState;
    this.dispatch = dispatch;
  }

  /** Starts following. Errors: those of the first load */
  async start(): Promise<void> {
    const {client, subscriptions, dispatch} = this;
    subscriptions.use(client.on(machineChanged, (news) => this.receive({type: 'machineChanged', ...news})));
    subscriptions.use(client.on(machineRemoved, (news) => this.receive({type: 'machineRemoved', ...news})));
    subscriptions.use(client.on(metricsSampled, (news) => dispatch({type: 'sampled', ...news})));
    subscriptions.use(
      client.on(consoleActive, ({consoles}) => {
        const shownIds = seenConsoles(this.getState()).map(({id}) => id);
        dispatch({type: 'console', news: {type: 'active', consoles, shownIds}});
      }),
    );
    subscriptions.use(client.on(jobProgressed, ({job}) => dispatch({type: 'jobChanged', job})));
    subscriptions.use(client.on(jobFinished, ({job}) => dispatch({type: 'jobChanged', job})));
    subscriptions.use(client.on(eventHappened, ({event}) => dispatch({type: 'eventHappened', event})));
    subscriptions.use(
      client.on(timelineChanged, ({machineId}) => {
        if (machineId === this.followedId) this.refreshTimeline();
      }),
    );
    subscriptions.use(
      client.onState((state) => {
        if (state === 'connected') {
          this.reload(() => this.toast(text.session.isBack));
        } else dispatch({type: 'connectionChanged', connection: {state}});
      }),
    );
    await this.load();
  }

  /** Loads the samples of a machine from before this client came, once. */
  async loadHistory(machineId: string): Promise<void> {
    if (this.historiesAsked.has(machineId) || this.client.state !== 'connected') return;
    this.historiesAsked.add(machineId);
    const history = await this.client.request(metricsHistory, {machine: machineId, count: SAMPLES_SHOWN});
    if (history.machine.length > 0) this.dispatch({type: 'historyLoaded', machineId, samples: history.machine});
  }

  /** Keeps the timeline of a machine in the state true from now on, or that of none. */
  followTimeline(machineId: string | undefined): void {
    if (machineId === this.followedId) return;
    this.followedId = machineId;
    if (machineId !== undefined) this.refreshTimeline();
  }

  [Symbol.dispose](): void {
    this.subscriptions.dispose();
  }

  private receive(notice: FleetNotice): void {
    if (this.waiting) {
      this.waiting.push(notice);
      return;
    }
    const {fleetSeq} = this.getState();
    if (notice.seq <= fleetSeq) return;
    if (notice.seq === fleetSeq + 1) this.dispatch(notice);
    else this.reload();
  }

  private reload(loaded: () => void = () => undefined): void {
    this.load().then(loaded, (error: unknown) => {
      // A connection lost while loading is told by its own event, and loading starts again when it is back.
      if (this.client.state !== 'connected') return;
      const message = error instanceof Error ? error.message : String(error);
      this.dispatch({type: 'connectionChanged', connection: {state: 'lost', message}});
    });
  }

  // One load at a time; what changed meanwhile is loaded after it.
  private refreshTimeline(): void {
    this.isTimelineStale = true;
    if (this.isTimelineLoading) return;
    this.isTimelineLoading = true;
    this.loadTimeline()
      .catch((error: unknown) => {
        // A lost connection loads all anew when it is back.
        if (this.client.state === 'connected') this.failed(error);
      })
      .finally(() => {
        this.isTimelineLoading = false;
      });
  }

  private async loadTimeline(): Promise<void> {
    while (this.isTimelineStale && this.followedId !== undefined) {
      this.isTimelineStale = false;
      const machineId = this.followedId;
      const [{timeline: settings}, {snapshots: points, broken}] = await Promise.all([
        this.client.request(timelineShow, {machine: machineId}),
        this.client.request(snapshotList, {machine: machineId}),
      ]);
      if (machineId === this.followedId)
        this.dispatch({type: 'timelineLoaded', timeline: {machineId, settings, points, broken}});
    }
  }

  private async load(): Promise<void> {
    this.waiting ??= [];
    this.historiesAsked.clear();
    try {
      const fleet = await this.client.request(subscribe, {
        topics: ['fleet', 'metrics', 'jobs', 'events', 'snapshots', 'consoles'],
      });
      this.dispatch({type: 'console', news: {type: 'known', consoles: fleet.consoles}});
      this.dispatch({type: 'fleetLoaded', ...fleet});
    } finally {
      const waiting = this.waiting;
      this.waiting = undefined;
      for (const notice of waiting ?? []) this.receive(notice);
    }
    const [{events}, {images}] = await Promise.all([
      this.client.request(eventsSince, {limit: EVENTS_SHOWN}),
      this.client.request(imageList, {}),
    ]);
    this.dispatch({type: 'eventsLoaded', events});
    this.dispatch({type: 'imagesLoaded', images});
    this.refreshTimeline();
  }
}
