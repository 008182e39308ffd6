import type {AppEvent} from './events.js';
import {isFleetInSight} from './graphs.js';
import type {AppState} from './model.js';
import {reduce} from './reducer.js';

// Listeners hear at most this often, so that a flood of notifications costs one render a frame.
const NOTIFY_MS = 33;
// What only samples changed waits longer: a render of the whole screen costs more than all graphs, which do not wait for it.
const SAMPLES_NOTIFY_MS = 2000;
// Where all that samples change is painted anyhow (`app/live-numbers.ts`), a render brings ages in a list up to date.
const PAINTED_NOTIFY_MS = 30_000;
// Beside graphs, which have the newest numbers themselves.
const GRAPHS_NOTIFY_MS = 4000;

// A pasted text that comes as keys is rendered as usual, not once a letter.
const HURRY_AGAIN_MS = 20;

/** Holds the state, applies events, and tells listeners afterwards. */
export class Store implements Disposable {
  private state: AppState;
  private drawn: AppState;
  private readonly listeners = new Set<() => void>();
  private timer: NodeJS.Timeout | undefined;
  private dueAt = 0;
  private lastNotifiedAt = 0;
  private hurriedAt = Number.NEGATIVE_INFINITY;

  constructor(initial: AppState) {
    this.state = initial;
    this.drawn = initial;
  }

  /** The current state. Stable between events, as React wants it. */
  readonly getState = (): AppState => this.state;

  /**
   * The state that was drawn last, with the newest numbers: what is painted over the drawing fits it, and is not of a screen
   * that is yet to be drawn.
   */
  readonly getShown = (): AppState => {
    const {samples, host, nowMs} = this.state;
    return {...this.drawn, samples, host, nowMs};
  };

  /** Takes note that a state was drawn. */
  drew(state: AppState): void {
    this.drawn = state;
  }

  /** Applies an event at once; listeners hear of it within a frame, of samples alone within two seconds, or four. */
  readonly dispatch = (event: AppEvent): void => {
    const before = this.state;
    const next = reduce(before, event);
    if (next === before) return;
    this.state = next;
    // The very first are waited for by somebody who sees no numbers yet.
    const canWait = event.type === 'sampled' && before.host !== undefined;
    const dueAt = this.lastNotifiedAt + (canWait ? patience(next) : NOTIFY_MS);
    if (this.timer && this.dueAt <= dueAt) return;
    clearTimeout(this.timer);
    this.dueAt = dueAt;
    this.timer = setTimeout(() => this.notify(), Math.max(0, dueAt - performance.now()));
  };

  /** Tells listeners now what waits to be told: somebody pressed a key. Of keys that come in a burst the first only. */
  hurry(): void {
    if (this.timer === undefined || performance.now() - this.hurriedAt < HURRY_AGAIN_MS) return;
    clearTimeout(this.timer);
    this.hurriedAt = performance.now();
    this.notify();
  }

  /** Adds a listener; the result removes it. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  [Symbol.dispose](): void {
    clearTimeout(this.timer);
    this.listeners.clear();
  }

  private notify(): void {
    this.timer = undefined;
    this.lastNotifiedAt = performance.now();
    for (const listener of [...this.listeners]) listener();
  }
}

function patience(state: AppState): number {
  const {list, filter, tab, arrangement, overlay, focus} = state;
  if (tab === 'graphs' || isFleetInSight(state)) return GRAPHS_NOTIFY_MS;
  const isOrderLive = list.sort === 'cpu' || list.sort === 'memory' || /cpu|mem/.test(filter);
  const isPainted = (tab === 'console' || tab === 'config') && arrangement !== 'wall' && focus !== 'fullscreen';
  return isPainted && !isOrderLive && overlay === undefined ? PAINTED_NOTIFY_MS : SAMPLES_NOTIFY_MS;
}
