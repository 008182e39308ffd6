/**
 * The console of the highlighted machine: one attached viewer and the emulated screen it feeds.
 * Whoever calls `update` says what should be; the view gets there in its own time, newest wish first.
 */
import type {ConsoleSessionOptions} from '../../manager/client.js';
import type {TerminalSize} from '../../manager/protocol/console.js';
import {GuestScreen} from '../terminal/guest-screen.js';
import type {ConsoleHandle} from './backend.js';

// While the list is scrolled through, a console is attached only to a row that stays highlighted this long.
const ATTACH_DELAY_MS = 120;
// A window that is dragged sends many sizes; the guest is told the one it ends with.
const RESIZE_DELAY_MS = 60;
const REPLAY_BYTES = 262_144;
// Nine screens of text a frame. A guest that prints more is shown its newest lines: emulating 10 MB/s had keys wait 0.3 s.
const BYTES_PER_SECOND = 1_048_576;
// On the wall there are nine consoles.
const ONLOOKER_BYTES_PER_SECOND = 131_072;

/** What the view should show. */
export interface ConsoleWish {
  readonly machineId: string | undefined;
  readonly size: TerminalSize | undefined;
  readonly hasKeyboard: boolean;
  /** It only looks on: the guest keeps the size it has. */
  readonly isOnlooker?: boolean;
}

/** What the view tells its owner. */
export interface ConsoleViewListener {
  changed(): void;
  failed(error: unknown): void;
  /** The guest of the attached console printed something just now. */
  printed?(machineId: string): void;
  /** It tried to use the clipboard. */
  clipboardRefused?(): void;
}

/** See the module. */
export class ConsoleView implements AsyncDisposable {
  private readonly open: (options: ConsoleSessionOptions) => Promise<ConsoleHandle>;
  private readonly listener: ConsoleViewListener;
  private wish: ConsoleWish = {machineId: undefined, size: undefined, hasKeyboard: false};
  private guest: GuestScreen | undefined;
  private attachedId: string | undefined;
  private session: Promise<ConsoleHandle> | undefined;
  private outgoing: Promise<void> = Promise.resolve();
  private attachTimer: NodeJS.Timeout | undefined;
  private resizeTimer: NodeJS.Timeout | undefined;
  private holdsKeyboard = false;

  constructor(open: (options: ConsoleSessionOptions) => Promise<ConsoleHandle>, listener: ConsoleViewListener) {
    this.open = open;
    this.listener = listener;
  }

  /** The screen of the wished machine, once it is attached. */
  get screen(): GuestScreen | undefined {
    return this.screenOf(this.wish.machineId);
  }

  /** The screen of a machine, while it is attached. */
  screenOf(machineId: string | undefined): GuestScreen | undefined {
    return this.attachedId === machineId ? this.guest : undefined;
  }

  /** Says what should be shown now. */
  update(wish: ConsoleWish): void {
    const before = this.wish;
    this.wish = wish;
    if (wish.machineId !== before.machineId) this.scheduleAttach(before.machineId === undefined || wish.hasKeyboard);
    else if (!this.session && wish.machineId !== undefined && wish.size && !before.size) this.scheduleAttach(true);
    else if (wish.hasKeyboard !== before.hasKeyboard) this.moveKeyboard(wish.hasKeyboard);
    if (wish.isOnlooker) return;
    const isResized = wish.size?.columns !== before.size?.columns || wish.size?.rows !== before.size?.rows;
    if (isResized && this.session) this.scheduleResize();
  }

  /** Types into the guest, in order. */
  send(bytes: Uint8Array): void {
    if (this.wish.machineId !== this.attachedId) this.scheduleAttach(true);
    this.enqueue((session) => session.write(bytes));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.attachTimer);
    clearTimeout(this.resizeTimer);
    this.wish = {machineId: undefined, size: undefined, hasKeyboard: false};
    await this.detach();
  }

  private scheduleAttach(isAtOnce: boolean): void {
    clearTimeout(this.attachTimer);
    if (isAtOnce) this.attach();
    else this.attachTimer = setTimeout(() => this.attach(), ATTACH_DELAY_MS);
  }

  private attach(): void {
    clearTimeout(this.attachTimer);
    const {machineId, size, hasKeyboard, isOnlooker} = this.wish;
    if (machineId === this.attachedId && this.session) return;
    void this.detach();
    if (machineId === undefined || !size) return;
    this.attachedId = machineId;
    this.holdsKeyboard = false;
    let isReplay = true;
    const guest = new GuestScreen(size.columns, size.rows, {
      changed: () => this.listener.changed(),
      answered: (bytes) => {
        // Only who types answers the guest's questions, or every viewer would.
        if (this.holdsKeyboard) this.send(bytes);
      },
      clipboardRefused: () => this.listener.clipboardRefused?.(),
    });
    this.guest = guest;
    this.session = this.open({
      machine: machineId,
      wantsKeyboard: hasKeyboard,
      ...(isOnlooker ? {} : {size}),
      maxReplayBytes: REPLAY_BYTES,
      maxBytesPerSecond: isOnlooker ? ONLOOKER_BYTES_PER_SECOND : BYTES_PER_SECOND,
      onOutput: (bytes, hasGap) => {
        if (hasGap) guest.reset();
        if (isReplay || hasGap) void guest.replay(bytes);
        else {
          guest.write(bytes);
          this.listener.printed?.(machineId);
        }
      },
      onKeyboard: (holdsKeyboard) => {
        if (this.guest === guest) this.holdsKeyboard = holdsKeyboard;
      },
      onResized: (guestSize) => guest.resize(guestSize.columns, guestSize.rows),
      onClosed: () => {
        if (this.guest === guest) void this.detach();
      },
    });
    this.outgoing = this.session.then(
      () => {
        isReplay = false;
        // What was wished while the attach was under way.
        if (this.guest !== guest) return;
        if (this.wish.hasKeyboard !== hasKeyboard) this.moveKeyboard(this.wish.hasKeyboard);
        if (this.wish.size !== size && !this.wish.isOnlooker) this.scheduleResize();
      },
      (error: unknown) => {
        if (this.guest === guest) {
          this.session = undefined;
          this.attachedId = undefined;
          this.listener.failed(error);
        }
      },
    );
    this.listener.changed();
  }

  private async detach(): Promise<void> {
    const {session, guest, outgoing} = this;
    this.session = undefined;
    this.guest = undefined;
    this.attachedId = undefined;
    this.holdsKeyboard = false;
    await outgoing;
    try {
      await (await session)?.[Symbol.asyncDispose]();
    } catch (error) {
      // Leaving fails when the connection is already gone, and then there is nothing to leave.
      this.listener.failed(error);
    }
    guest?.[Symbol.dispose]();
  }

  private moveKeyboard(isWanted: boolean): void {
    this.enqueue((session) => session.setKeyboard(isWanted));
  }

  private scheduleResize(): void {
    clearTimeout(this.resizeTimer);
    this.resizeTimer = setTimeout(() => {
      const {size} = this.wish;
      if (!size) return;
      // Shown at once; the daemon tells the size that counts when another viewer has the keyboard.
      this.guest?.resize(size.columns, size.rows);
      this.enqueue((session) => session.resize(size));
    }, RESIZE_DELAY_MS);
  }

  private enqueue(task: (session: ConsoleHandle) => Promise<void>): void {
    const session = this.session;
    if (!session) return;
    this.outgoing = this.outgoing.then(async () => {
      try {
        if (session === this.session) await task(await session);
      } catch (error) {
        this.listener.failed(error);
      }
    });
  }
}
