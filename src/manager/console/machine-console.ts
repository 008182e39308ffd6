/**
 * One machine's console: scrollback, viewers, the keyboard and the size. It outlives the machine's runs, so a viewer
 * stays while the machine is off and sees the next boot.
 */
import type {RunningMachine} from '../hypervisor/contract.js';
import type {TerminalSize} from '../protocol/console.js';
import {ManagerError} from '../protocol/errors.js';
import {BellWatch} from './bell-watch.js';
import type {ByteRing} from './byte-ring.js';
import type {PieceTurns} from './piece-turns.js';
import {type PumpTarget, StreamPump, socketPumpBounds} from './stream-pump.js';
import {ViewerPace} from './viewer-pace.js';

/** How far an onlooker may be behind, and what it goes on with when it skips: some screens of text. Units: bytes */
const ONLOOKER_BOUNDS = {mostBehindBytes: 131_072, keptBytes: 32_768};

/** Who looks at a console, reached through its connection. */
export interface ViewerTarget extends PumpTarget {
  keyboardMoved(hasKeyboard: boolean): void;
  resized(size: TerminalSize): void;
  closed(): void;
}

/** The console's place in the host's own file system. */
export interface ConsoleTerminal {
  readonly path: string;
  /** Never blocks; with nobody there the bytes are dropped. */
  write(bytes: Uint8Array): void;
  resize(size: TerminalSize): void;
  close(): Promise<void>;
}

interface Viewer {
  readonly target: ViewerTarget;
  readonly pump: StreamPump;
  size: TerminalSize | undefined;
}

/** See the module. */
export class MachineConsole {
  readonly ring: ByteRing;
  readonly #viewers = new Map<string, Viewer>();
  readonly #turns: PieceTurns;
  #keyboard: string | undefined;
  #size: TerminalSize;
  #run: RunningMachine | undefined;
  #base = 0;
  #terminal: ConsoleTerminal | undefined;
  readonly #bells = new BellWatch();
  readonly #onOutput: () => void;
  #hasBell = false;

  /** `turns` are those of the viewers of all consoles; `onOutput` is told at each piece of the guest's. */
  constructor(ring: ByteRing, size: TerminalSize, turns: PieceTurns, onOutput: () => void = () => undefined) {
    this.ring = ring;
    this.#turns = turns;
    this.#size = size;
    this.#onOutput = onOutput;
  }

  /** True when a bell rang since this was asked last. */
  takeBell(): boolean {
    const hasBell = this.#hasBell;
    this.#hasBell = false;
    return hasBell;
  }

  get size(): TerminalSize {
    return this.#size;
  }

  get terminalPath(): string | undefined {
    return this.#terminal?.path;
  }

  /** Gives the console its pseudo-terminal. */
  setTerminal(terminal: ConsoleTerminal): void {
    this.#terminal = terminal;
  }

  /** A run is about to begin whose first byte has offset `base` here. */
  begin(base: number): void {
    this.#base = base;
    this.ring.skipTo(base);
  }

  /** Connects input and size to the machine that runs, or disconnects them. */
  setRun(run: RunningMachine | undefined): void {
    this.#run = run;
    if (run !== undefined) void run.resize(this.#size).catch(ignoreGone);
  }

  /** Sends viewers the end of what they have room for, before they are told something else. */
  flush(): void {
    for (const {pump} of this.#viewers.values()) pump.finish();
  }

  /** Shows bytes that no guest has printed. Before `begin`. */
  show(bytes: Uint8Array): void {
    this.ring.append(bytes);
    for (const {pump} of this.#viewers.values()) pump.pull();
    this.#terminal?.write(bytes);
  }

  /** Bytes of the present run. */
  output(offset: number, bytes: Uint8Array): void {
    this.ring.skipTo(this.#base + offset);
    this.ring.append(bytes);
    if (this.#bells.feed(bytes)) this.#hasBell = true;
    this.#onOutput();
    for (const {pump} of this.#viewers.values()) pump.pull();
    this.#terminal?.write(bytes);
  }

  /** Adds a viewer; its bytes begin at `nextOffset`. With a pace of its own it skips what is beyond that. */
  attach(
    viewerId: string,
    target: ViewerTarget,
    nextOffset: number,
    size: TerminalSize | undefined,
    maxBytesPerSecond?: number,
  ): void {
    const onlooker =
      maxBytesPerSecond === undefined ? undefined : {...ONLOOKER_BOUNDS, pace: new ViewerPace(maxBytesPerSecond)};
    const pump = new StreamPump(this.ring, target, nextOffset, socketPumpBounds, this.#turns, onlooker);
    this.#viewers.set(viewerId, {target, pump, size});
    if (this.#keyboard === undefined && size !== undefined) this.#setSize(size);
  }

  hasKeyboard(viewerId: string): boolean {
    return this.#keyboard === viewerId;
  }

  detach(viewerId: string): void {
    this.#viewers.get(viewerId)?.pump.stop();
    this.#viewers.delete(viewerId);
    if (this.#keyboard === viewerId) this.#moveKeyboard(undefined);
  }

  /** To be called when the viewer's connection has room again. */
  pull(viewerId: string): void {
    this.#viewers.get(viewerId)?.pump.pull();
  }

  setKeyboard(viewerId: string, isWanted: boolean): void {
    if (isWanted) this.#moveKeyboard(viewerId);
    else if (this.#keyboard === viewerId) this.#moveKeyboard(undefined);
  }

  resize(viewerId: string, size: TerminalSize): void {
    const viewer = this.#viewers.get(viewerId);
    if (viewer === undefined) return;
    viewer.size = size;
    if (this.#keyboard === undefined || this.#keyboard === viewerId) this.#setSize(size);
  }

  /** Types for a viewer; the first to type on a free keyboard has it. Errors: keyboard-taken, wrong-state */
  async type(viewerId: string, bytes: Uint8Array): Promise<void> {
    if (this.#keyboard === undefined) this.#moveKeyboard(viewerId);
    if (this.#keyboard !== viewerId)
      throw new ManagerError(
        'keyboard-taken',
        'Another viewer types on this console.',
        'Attach with the keyboard to take it over.',
      );
    await this.write(bytes);
  }

  /** Types without asking who has the keyboard (the pseudo-terminal). Errors: wrong-state */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#run === undefined)
      throw new ManagerError('wrong-state', 'The machine is not running.', 'Start it to type into it.');
    await this.#run.write(bytes);
  }

  /** The machine was removed. */
  async close(): Promise<void> {
    for (const {target} of this.#viewers.values()) target.closed();
    this.#viewers.clear();
    await this.#terminal?.close();
    this.#terminal = undefined;
  }

  #moveKeyboard(viewerId: string | undefined): void {
    if (this.#keyboard === viewerId) return;
    const before = this.#keyboard === undefined ? undefined : this.#viewers.get(this.#keyboard);
    this.#keyboard = viewerId;
    before?.target.keyboardMoved(false);
    const holder = viewerId === undefined ? undefined : this.#viewers.get(viewerId);
    holder?.target.keyboardMoved(true);
    if (holder?.size !== undefined) this.#setSize(holder.size);
  }

  #setSize(size: TerminalSize): void {
    if (size.columns === this.#size.columns && size.rows === this.#size.rows) return;
    this.#size = size;
    for (const {target} of this.#viewers.values()) target.resized(size);
    this.#terminal?.resize(size);
    void this.#run?.resize(size).catch(ignoreGone);
  }
}

/** A machine that ended meanwhile has no size; its end is reported by the run itself. */
function ignoreGone(thrown: unknown): void {
  if (!(thrown instanceof ManagerError)) throw thrown;
}
