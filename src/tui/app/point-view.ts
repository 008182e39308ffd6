/** The picture of a point in time: what the console showed then, as an emulated screen. */

import type {ResultOf} from '../../manager/protocol/define.js';
import type {snapshotScreen} from '../../manager/protocol/snapshot.js';
import {GuestScreen} from '../terminal/guest-screen.js';

/** Which point to show. */
export interface PointWish {
  readonly machineId: string;
  readonly pointId: string;
}

/** What the view tells its owner. */
export interface PointViewListener {
  changed(): void;
  failed(error: unknown): void;
}

type Load = (wish: PointWish) => Promise<ResultOf<typeof snapshotScreen>>;

/**
 * Whoever calls `update` says which point should be seen. One is loaded at a time, the newest wish next; until it is there
 * the one before stays, so that going along a row of points does not flicker.
 */
export class PointView implements Disposable {
  private readonly load: Load;
  private readonly listener: PointViewListener;
  private wish: PointWish | undefined;
  private shown: {readonly wish: PointWish; readonly guest: GuestScreen} | undefined;
  private isLoading = false;

  constructor(load: Load, listener: PointViewListener) {
    this.load = load;
    this.listener = listener;
  }

  /** The screen to paint, when one of the wished machine is there. */
  get screen(): GuestScreen | undefined {
    return this.shown?.wish.machineId === this.wish?.machineId ? this.shown?.guest : undefined;
  }

  /** Says what should be shown now. */
  update(wish: PointWish | undefined): void {
    const isSame = wish?.machineId === this.wish?.machineId && wish?.pointId === this.wish?.pointId;
    if (isSame) return;
    this.wish = wish;
    if (wish === undefined) this.clear();
    else if (!this.isLoading) void this.follow();
  }

  [Symbol.dispose](): void {
    this.wish = undefined;
    this.clear();
  }

  private async follow(): Promise<void> {
    this.isLoading = true;
    for (let next = this.wish; next !== undefined && next !== this.shown?.wish; ) {
      const wish: PointWish = next;
      try {
        const {snapshot, screen} = await this.load(wish);
        if (this.wish?.machineId === wish.machineId) this.show(wish, snapshot.screenSize, screen);
      } catch (error) {
        // A point that went while it was asked for is followed by another.
        if (this.wish === wish) this.listener.failed(error);
      }
      next = this.wish === wish ? undefined : this.wish;
    }
    this.isLoading = false;
  }

  private show(wish: PointWish, {columns, rows}: {columns: number; rows: number}, screen: string): void {
    this.clear();
    const guest = new GuestScreen(columns, rows, {changed: () => this.listener.changed(), answered: () => undefined});
    this.shown = {wish, guest};
    void guest.replay(new TextEncoder().encode(screen));
    this.listener.changed();
  }

  private clear(): void {
    this.shown?.guest[Symbol.dispose]();
    this.shown = undefined;
  }
}
