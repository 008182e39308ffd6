/** All consoles of the fleet: opened on first use, with what the log still has of earlier runs. */
import {randomUUID} from 'node:crypto';
import {EventEmitter} from 'node:events';
import {open} from 'node:fs/promises';
import {join} from 'node:path';
import {ByteRing} from '../console/byte-ring.js';
import {renderScreen, SCREEN_SOURCE_BYTES} from '../console/console-screen.js';
import {type ConsoleTerminal, MachineConsole, type ViewerTarget} from '../console/machine-console.js';
import {PieceTurns} from '../console/piece-turns.js';
import {ViewerPace} from '../console/viewer-pace.js';
import type {ConsoleActivity, TerminalSize} from '../protocol/console.js';
import {ManagerError} from '../protocol/errors.js';
import type {Settings} from '../settings/settings.js';

/** Scrollback taken from the log of earlier runs. */
const PRELOAD_BYTES = 262_144;

/** How often it is told at most which consoles have something new, all of them together. */
export const ACTIVITY_INTERVAL_MS = 500;

/** How a viewer attaches. */
export interface AttachOptions {
  readonly wantsKeyboard: boolean;
  readonly size: TerminalSize | undefined;
  readonly maxBytesPerSecond?: number | undefined;
  readonly sinceOffset: number | undefined;
  readonly maxReplayBytes: number;
}

/** Opens a pseudo-terminal, where the host has them. */
export type TerminalOpener = (
  size: TerminalSize,
  onInput: (bytes: Uint8Array) => void,
) => Promise<ConsoleTerminal | undefined>;

/** See the module. Emits `active`. */
export class ConsoleHub {
  readonly events = new EventEmitter<{active: [ConsoleActivity[]]}>();
  readonly #settings: Settings['console'];
  readonly #turns: PieceTurns;
  readonly #folderOf: (machineId: string) => string;
  readonly #openTerminal: TerminalOpener;
  readonly #consoles = new Map<string, Promise<MachineConsole>>();
  readonly #viewers = new Map<string, MachineConsole>();
  readonly #opened = new Map<string, MachineConsole>();
  readonly #active = new Map<string, MachineConsole>();
  #activityTimer: NodeJS.Timeout | undefined;

  constructor(settings: Settings['console'], folderOf: (machineId: string) => string, openTerminal: TerminalOpener) {
    this.#openTerminal = openTerminal;
    this.#settings = settings;
    this.#turns = new PieceTurns(new ViewerPace(settings.floodBytesPerSecond));
    this.#folderOf = folderOf;
  }

  /** The machine's console. */
  open(machineId: string): Promise<MachineConsole> {
    const known = this.#consoles.get(machineId);
    if (known !== undefined) return known;
    const opening = this.#create(machineId, async () => {
      const tail = await this.readLog(machineId, PRELOAD_BYTES);
      // Offsets of different lives of a daemon must not be mistaken for one another: time keeps them apart, as no
      // console writes a byte every microsecond for long.
      const ring = new ByteRing(this.#settings.scrollbackBytes, Math.max(0, Date.now() * 1000 - tail.length));
      ring.append(tail);
      return ring;
    });
    this.#consoles.set(machineId, opening);
    return opening;
  }

  /** The console of a machine that an earlier daemon started: its process replays what it has, from `base` on. */
  openFound(machineId: string, base: number): Promise<MachineConsole> {
    const opening = this.#create(machineId, async () => new ByteRing(this.#settings.scrollbackBytes, base));
    this.#consoles.set(machineId, opening);
    return opening;
  }

  /** The process of `openFound` turned out to be gone: the console starts from the log instead. */
  forgetFound(machineId: string): void {
    this.#consoles.delete(machineId);
  }

  /** Opens the pseudo-terminal of a machine that runs; its path, where there can be one. */
  async openTerminal(machineId: string): Promise<string | undefined> {
    const console = await this.open(machineId);
    if (!this.#settings.isPtyEnabled || console.terminalPath !== undefined) return console.terminalPath;
    const onInput = (bytes: Uint8Array) =>
      // Typed while the machine is off: there is nobody to tell.
      void console.write(bytes).catch((thrown: unknown) => {
        if (!(thrown instanceof ManagerError)) throw thrown;
      });
    const terminal = await this.#openTerminal(console.size, onInput);
    if (terminal !== undefined) console.setTerminal(terminal);
    return terminal?.path;
  }

  /** Where the output of every console ends that was opened so far. */
  known(): ConsoleActivity[] {
    return [...this.#opened].map(([machineId, {ring}]) => ({machineId, endOffset: ring.endOffset, hasBell: false}));
  }

  /** Adds a viewer and takes its scrollback. */
  async attach(machineId: string, options: AttachOptions, connect: (viewerId: string) => ViewerTarget) {
    const console = await this.open(machineId);
    const viewerId = randomUUID();
    const {ring} = console;
    const known = options.sinceOffset;
    // An offset that this stream never had is one of another life: replay all.
    const since = known !== undefined && known <= ring.endOffset ? known : ring.startOffset;
    const first = Math.max(since, ring.endOffset - options.maxReplayBytes);
    const replay = ring.read(first, options.maxReplayBytes);
    console.attach(viewerId, connect(viewerId), ring.endOffset, options.size, options.maxBytesPerSecond);
    this.#viewers.set(viewerId, console);
    if (options.wantsKeyboard) console.setKeyboard(viewerId, true);
    return {
      viewerId,
      hasKeyboard: console.hasKeyboard(viewerId),
      size: console.size,
      replayOffset: replay.offset,
      replay: replay.bytes,
    };
  }

  /** The console a viewer is attached to. Errors: viewer-not-found */
  viewed(viewerId: string): MachineConsole {
    const console = this.#viewers.get(viewerId);
    if (console !== undefined) return console;
    throw new ManagerError('viewer-not-found', 'This console is not attached (any more).', 'Attach again.');
  }

  /** Removes a viewer, if it is still there. */
  detach(viewerId: string): void {
    this.#viewers.get(viewerId)?.detach(viewerId);
    this.#viewers.delete(viewerId);
  }

  /** The machine was removed. */
  async remove(machineId: string): Promise<void> {
    const console = await this.#consoles.get(machineId);
    this.#consoles.delete(machineId);
    this.#active.delete(machineId);
    this.#opened.delete(machineId);
    for (const [viewerId, viewed] of this.#viewers) if (viewed === console) this.#viewers.delete(viewerId);
    await console?.close();
  }

  /** Closes the pseudo-terminals. */
  async close(): Promise<void> {
    clearTimeout(this.#activityTimer);
    for (const console of await Promise.all(this.#consoles.values())) await console.close();
    this.#consoles.clear();
  }

  /** Looks at the machine's console as it is now; the screen can be made of that later. */
  async look(machineId: string): Promise<{readonly size: TerminalSize; render(): Promise<string>}> {
    const {ring, size} = await this.open(machineId);
    const {bytes} = ring.read(Math.max(ring.startOffset, ring.endOffset - SCREEN_SOURCE_BYTES), SCREEN_SOURCE_BYTES);
    return {size, render: () => renderScreen(bytes, size)};
  }

  /** The newest bytes of the log file, over its rotation. */
  async readLog(machineId: string, maxBytes: number): Promise<Uint8Array> {
    const path = join(this.#folderOf(machineId), 'console.log');
    const newest = await readTail(path, maxBytes);
    const older = newest.length < maxBytes ? await readTail(`${path}.1`, maxBytes - newest.length) : Buffer.alloc(0);
    return Buffer.concat([older, newest]);
  }

  async #create(machineId: string, makeRing: () => Promise<ByteRing>): Promise<MachineConsole> {
    const {defaultColumns: columns, defaultRows: rows} = this.#settings;
    const noteActivity = () => this.#noteActivity(machineId, opened);
    const opened = new MachineConsole(await makeRing(), {columns, rows}, this.#turns, noteActivity);
    this.#opened.set(machineId, opened);
    return opened;
  }

  // The first piece of a flood and the last state of it are told, and what is between twice a second.
  #noteActivity(machineId: string, console: MachineConsole): void {
    this.#active.set(machineId, console);
    if (this.#activityTimer !== undefined) return;
    const tell = () => {
      if (this.#active.size === 0) {
        this.#activityTimer = undefined;
        return;
      }
      const activity = [...this.#active].map(([id, active]) => ({
        machineId: id,
        endOffset: active.ring.endOffset,
        hasBell: active.takeBell(),
      }));
      this.#active.clear();
      this.events.emit('active', activity);
      this.#activityTimer = setTimeout(tell, ACTIVITY_INTERVAL_MS).unref();
    };
    // After the other pieces of the same moment.
    this.#activityTimer = setTimeout(tell, 0).unref();
  }
}

async function readTail(path: string, maxBytes: number): Promise<Buffer> {
  try {
    await using file = await open(path, 'r');
    const {size} = await file.stat();
    const bytes = Buffer.alloc(Math.min(size, maxBytes));
    const {bytesRead} = await file.read(bytes, 0, bytes.length, size - bytes.length);
    return bytes.subarray(0, bytesRead);
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return Buffer.alloc(0);
    throw thrown;
  }
}
