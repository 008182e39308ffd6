/**
 * A machine's console on an SSH channel. The guest's bytes pass the filter of `viv console`: nothing of them acts on the
 * client's terminal beyond its screen.
 */
import type {ServerChannel} from 'ssh2';
import {DETACH_WAIT_MS, DetachScanner} from '../console/detach.js';
import {GuestFilter} from '../console/guest-filter.js';
import {hasProcess} from '../machine/lifecycle.js';
import type {TerminalSize} from '../protocol/console.js';
import {ManagerError, toManagerError} from '../protocol/errors.js';
import type {Machine} from '../protocol/machine.js';
import type {ConsoleHub} from '../services/console-hub.js';
import type {Fleet} from '../services/fleet.js';
import {type ClientEnd, noteGiven, onEased, untilGone, waitingBytes} from './client-end.js';

/** Enough to fill a screen with what came before, not the whole log. */
const REPLAY_BYTES = 16_384;

/** A channel with a terminal at its other end. */
export interface TerminalChannel extends ClientEnd {
  readonly size: TerminalSize;
  /** Calls when the client's window has another size. */
  onResize(listener: (size: TerminalSize) => void): void;
}

/** Shows a console until the client detaches or leaves, or the machine ends. Errors: machine-not-found, wrong-state, not-supported */
export async function serveConsole(
  {channel, socket, gone, size, onResize}: TerminalChannel,
  fleet: Fleet,
  consoles: ConsoleHub,
  reference: string,
): Promise<void> {
  const machine = fleet.findFor('console', reference);
  if (!hasProcess(machine.state))
    throw new ManagerError('wrong-state', `${machine.name} is off.`, `Start it: viv start ${machine.name}`);
  const left = Promise.withResolvers<string | undefined>();
  await using stack = new AsyncDisposableStack();
  const filter = new GuestFilter();
  void untilGone(gone).then(left.resolve);
  channel.write(`Console of ${machine.name}; Ctrl-] or Enter ~ ~ . leaves it.\r\n`);
  let viewerId = '';
  const pull = () => consoles.viewed(viewerId).pull(viewerId);
  const show = (bytes: Uint8Array) => {
    const shown = filter.feed(bytes);
    if (shown.length === 0 || !channel.writable) return;
    noteGiven(socket, shown.length);
    channel.write(shown, () => isAttached && pull());
  };
  let isAttached = false;
  const keepsRunning = `Left the console; ${machine.name} keeps running.`;
  const options = {wantsKeyboard: true, size, sinceOffset: undefined, maxReplayBytes: REPLAY_BYTES};
  const attached = await consoles.attach(machine.id, options, () => ({
    get bufferedBytes() {
      return channel.writableLength + waitingBytes(socket);
    },
    send: (_offset, bytes) => show(bytes),
    keyboardMoved: () => undefined,
    resized: () => undefined,
    closed: () => {
      isAttached = false;
      left.resolve('The console was closed.');
    },
  }));
  viewerId = attached.viewerId;
  isAttached = true;
  stack.defer(() => {
    isAttached = false;
    consoles.detach(viewerId);
  });
  show(attached.replay);
  stack.use(onEased(socket, () => isAttached && pull()));
  onResize((now) => isAttached && consoles.viewed(viewerId).resize(viewerId, now));
  const changed = (_seq: number, news: Machine) => {
    if (news.id === machine.id && !hasProcess(news.state))
      left.resolve(`${news.name} is off. ${news.reason ?? ''}`.trim());
  };
  fleet.events.on('changed', changed);
  stack.defer(() => void fleet.events.off('changed', changed));
  const type = (bytes: Uint8Array) =>
    isAttached ? consoles.viewed(viewerId).type(viewerId, bytes) : Promise.resolve();
  stack.use(listenToKeys(channel, type, (error) => left.resolve(error?.message ?? keepsRunning)));
  const said = await left.promise;
  if (said !== undefined) channel.write(`${filter.restore}${said}\r\n`);
}

/** Types what comes from the client, one piece after the other. */
function listenToKeys(
  channel: ServerChannel,
  type: (bytes: Uint8Array) => Promise<void>,
  leave: (error?: ManagerError) => void,
): Disposable {
  const scanner = new DetachScanner();
  let timer: NodeJS.Timeout | undefined;
  const receive = (chunk: Buffer) => {
    clearTimeout(timer);
    const {send, isDetached} = scanner.feed(chunk);
    // The guest's pace is the client's.
    channel.pause();
    type(send).then(
      () => {
        if (isDetached) leave();
        else channel.resume();
      },
      (thrown: unknown) => leave(toManagerError(thrown)),
    );
    if (!isDetached && scanner.isWaiting) timer = setTimeout(() => scanner.expire() && leave(), DETACH_WAIT_MS);
  };
  const end = () => leave();
  channel.on('data', receive);
  channel.on('end', end);
  return {
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      channel.off('data', receive);
      channel.off('end', end);
    },
  };
}
