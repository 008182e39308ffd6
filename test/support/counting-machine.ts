/**
 * A machine in the test's own process whose guest counts on its first disk. A state of its memory holds the number that
 * was reached, so that memory and disk of one instant can be told from those of two.
 */
import {open, readFile} from 'node:fs/promises';
import {dirname} from 'node:path';
import type {
  DiskPlan,
  HypervisorDriver,
  LaunchPlan,
  MachineEnd,
  RunListener,
  RunningMachine,
  SavedMachine,
  SaveRequest,
} from '../../src/manager/hypervisor/contract.js';
import type {CaptureAnswer, NetworkStatus} from '../../src/manager/protocol/network.js';
import {syncFolder} from '../../src/manager/store/atomic-file.js';
import {identifyProcess} from '../../src/manager/store/process-identity.js';
import {openChain} from '../../src/paravirt/block/chain.js';
import {SECTOR_BYTES} from '../../src/paravirt/block/contract.js';

type Images = DiskPlan['images'];

/** What a state's file holds; `filler` makes it longer than a sector. */
interface State {
  readonly id: string;
  readonly count: number;
  readonly sources: readonly string[];
  readonly filler: string;
}

/** Reads the file of a state. Fails when it is not whole. */
export async function readCountingState(path: string): Promise<State> {
  const state: State = JSON.parse(await readFile(path, 'utf8'));
  if (state.filler !== fillerOf(state.count)) throw new Error(`${path} is not whole`);
  return state;
}

/** The number that a disk holds. */
export async function readCount(images: Images): Promise<number> {
  await using disk = await openChain(images, true);
  const sector = Buffer.alloc(SECTOR_BYTES);
  await disk.readv([sector], 0);
  return sector.readUInt32LE(0);
}

/** See the module. */
export class CountingMachine implements RunningMachine {
  readonly process = identifyProcess(process.pid) ?? {pid: process.pid};
  readonly startedAtMs = Date.now();
  readonly haltReason = undefined;
  isPaused = false;
  #count = 0;
  #images: Images;
  readonly #listener: RunListener;
  /** The state that later ones may stand on. */
  #base: {readonly id: string; readonly sources: readonly string[]} | undefined;

  constructor({disks}: LaunchPlan, listener: RunListener) {
    this.#images = disks[0]?.images ?? [];
    this.#listener = listener;
  }

  get diskTops(): readonly string[] {
    return this.#images.slice(0, 1).map(({path}) => path);
  }

  get count(): number {
    return this.#count;
  }

  /** Boots, or goes on from a state, and counts one on. */
  async boot(savedPath: string | undefined): Promise<void> {
    if (savedPath === undefined) this.#count = await readCount(this.#images);
    else {
      const {id, count, sources} = await readCountingState(savedPath);
      this.#count = count;
      this.#base = {id, sources};
    }
    await this.countOn();
  }

  /** Writes the next number; durable when it resolves. */
  async countOn(): Promise<void> {
    this.#count++;
    await using disk = await openChain(this.#images, false);
    const sector = Buffer.alloc(SECTOR_BYTES);
    sector.writeUInt32LE(this.#count);
    await disk.writev([sector], 0);
    await disk.flush();
  }

  async save({path, id, keptIds, overlays}: SaveRequest): Promise<SavedMachine> {
    for (const overlay of overlays) this.#images = [{path: overlay.path, format: 'qcow2'}, ...this.#images];
    const base = this.#base !== undefined && keptIds.includes(this.#base.id) ? this.#base : undefined;
    const sources = base === undefined ? [] : [base.id, ...base.sources];
    const state: State = {id, count: this.#count, sources, filler: fillerOf(this.#count)};
    this.#base = {id, sources};
    const text = Buffer.from(JSON.stringify(state));
    await using file = await open(path, 'wx', 0o600);
    for (let at = 0; at < text.length; at += 1000) await file.write(text, at, Math.min(1000, text.length - at), at);
    await file.sync();
    await syncFolder(dirname(path));
    return {fileBytes: text.length, touchedBytes: 0, sources, pausedMs: 0};
  }

  async rechain(_disk: number, images: Images): Promise<void> {
    this.#images = [this.#images[0]!, ...images];
  }

  async forward(): Promise<void> {}
  async tellSiblings(): Promise<void> {}
  async changeEgress(): Promise<void> {}
  async answerQuestion(): Promise<boolean> {
    return false;
  }
  async networkStatus(): Promise<NetworkStatus> {
    return {
      ...{mac: '52:54:00:00:00:01', isUp: true, addresses: [], flows: [], flowCount: 0},
      ...{receivedBytes: 0, receivedFrames: 0, sentBytes: 0, sentFrames: 0, droppedFrames: 0},
    };
  }
  async capture(): Promise<CaptureAnswer> {
    return {frames: [], seenCount: 0, droppedCount: 0, waitingCount: 0};
  }

  async connect(): Promise<'no-network'> {
    return 'no-network';
  }

  async askAgent(): Promise<unknown> {
    return undefined;
  }

  async pause(): Promise<void> {
    this.isPaused = true;
  }

  async resume(): Promise<void> {
    this.isPaused = false;
  }

  async kill(): Promise<void> {
    this.#listener.onEnd({kind: 'powered-off', status: 0});
  }

  askShutdown(): Promise<void> {
    return this.kill();
  }

  async profile() {
    return {sampleCount: 0, lostCount: 0, points: []};
  }

  async write(): Promise<void> {}

  async resize(): Promise<void> {}

  release(): void {}
}

/** Runs them. A machine of an earlier life is gone, as after a power cut. */
export class CountingDriver implements HypervisorDriver {
  readonly name = 'builtin';
  readonly capabilities = {refusals: {}};
  /** By the machine's name. */
  readonly running = new Map<string, CountingMachine>();

  async check(): Promise<void> {}

  async start(plan: LaunchPlan, listener: RunListener): Promise<RunningMachine> {
    const machine = new CountingMachine(plan, listener);
    await listener.onSpawned(machine.process);
    await listener.onReady();
    await machine.boot(plan.savedPath);
    this.running.set(plan.name, machine);
    return machine;
  }

  readState(): AsyncIterable<Uint8Array> {
    throw new Error('these states are not packed up');
  }

  async checkState(): Promise<void> {}

  async find(): Promise<{readonly end: MachineEnd}> {
    return {end: {kind: 'crashed', reason: 'The power was cut.'}};
  }
}

function fillerOf(count: number): string {
  return `${count}.`.repeat(1000);
}
