/** A console that is only looked at: no keyboard, and no size of one's own. */
import type {TerminalSize} from '../../manager/protocol/console.js';
import type {Backend, ConsoleHandle} from '../app/backend.js';
import {GuestScreen} from '../terminal/guest-screen.js';

const REPLAY_BYTES = 262_144;

/** What is told of a console from when it was opened on. */
export interface ConsoleWatcher {
  output(bytes: Uint8Array, hasGap: boolean): void;
  resized(size: TerminalSize): void;
  closed(): void;
}

/** A console, how it is now: what led to its screen, and the size of it. */
export interface WatchedConsole {
  readonly handle: ConsoleHandle;
  readonly size: TerminalSize;
  readonly replay: Uint8Array;
}

/**
 * Opens the console of a machine. What comes after `replay` is told to the watcher that `begin` makes, in order and from the
 * first byte on. Errors: machine-not-found
 */
export async function watchConsole(
  openConsole: Backend['openConsole'],
  machineId: string,
  begin: (console: WatchedConsole) => Promise<ConsoleWatcher>,
): Promise<ConsoleHandle> {
  let size: TerminalSize = {columns: 80, rows: 24};
  const replay: Uint8Array[] = [];
  // What comes while the watcher is being made waits for it.
  const early: ((watcher: ConsoleWatcher) => void)[] = [];
  let watcher: ConsoleWatcher | undefined;
  let isOpen = false;
  const tell = (news: (watcher: ConsoleWatcher) => void) => {
    if (watcher) news(watcher);
    else early.push(news);
  };
  const handle = await openConsole({
    machine: machineId,
    wantsKeyboard: false,
    maxReplayBytes: REPLAY_BYTES,
    onOutput: (bytes, hasGap) => {
      if (isOpen) tell((one) => one.output(bytes, hasGap));
      else replay.push(bytes);
    },
    onResized: (next) => {
      if (isOpen) tell((one) => one.resized(next));
      else size = next;
    },
    onClosed: () => tell((one) => one.closed()),
  });
  isOpen = true;
  try {
    const made = await begin({handle, size, replay: Buffer.concat(replay)});
    watcher = made;
    for (const news of early) news(made);
  } catch (thrown) {
    await handle[Symbol.asyncDispose]();
    throw thrown;
  }
  return handle;
}

/** What a console shows now. The caller disposes it. Errors: machine-not-found */
export async function watchedScreen(openConsole: Backend['openConsole'], machineId: string): Promise<GuestScreen> {
  let screen: GuestScreen | undefined;
  const handle = await watchConsole(openConsole, machineId, async ({size, replay}) => {
    screen = new GuestScreen(size.columns, size.rows, {changed: () => undefined, answered: () => undefined});
    await screen.replay(replay);
    return {output: () => undefined, resized: () => undefined, closed: () => undefined};
  });
  await handle[Symbol.asyncDispose]();
  if (!screen) throw new Error('a console was opened without its screen');
  return screen;
}
