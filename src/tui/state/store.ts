import type {AppEvent} from './events.js';
import type {AppState} from './model.js';
import {reduce} from './reducer.js';

// Listeners hear at most this often, so that a flood of notifications costs one render a frame.
const NOTIFY_MS = 33;

/** Holds the state, applies events, and tells listeners afterwards. */
export class Store implements Disposable {
  private state: AppState;
  private readonly listeners = new Set<() => void>();
  private timer: NodeJS.Timeout | undefined;
  private lastNotifiedAt = 0;

  constructor(initial: AppState) {
    this.state = initial;
  }

  /** The current state. Stable between events, as React wants it. */
  readonly getState = (): AppState => this.state;

  /** Applies an event at once; listeners hear of it within a frame. */
  readonly dispatch = (event: AppEvent): void => {
    const next = reduce(this.state, event);
    if (next === this.state) return;
    this.state = next;
    if (this.timer) return;
    const wait = this.lastNotifiedAt + NOTIFY_MS - performance.now();
    this.timer = setTimeout(() => this.notify(), Math.max(0, wait));
  };

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
