/**
 * A whole machine, as the thread that owns it (the I/O thread) sees it: builds the shared memory, loads the guest,
 * starts a worker per hart, serves doorbells, pauses, counts and ends.
 *
 *   created ──start──▶ running ⇄ paused ──▶ ended (power off, reboot, crash or dispose)
 */
import {MessageChannel, type Worker} from 'node:worker_threads';
import {type Assembly, assemble, modelOf} from './assembly.js';
import type {BootPlan} from './boot/boot-plan.js';
import {buildDeviceTree} from './boot/device-tree.js';
import {type BootSpec, planBoot} from './boot/layout.js';
import type {CodeKeeper} from './codegen/interpreter-source.js';
import {prepareForGuestCode} from './compiler/flags.js';
import {CompilerThread} from './compiler/thread.js';
import type {DeviceContext, DeviceModel, DevicePlan, GuestMemory, MmioRegion} from './contract.js';
import {EngineError} from './error.js';
import {Groundwork, layoutOf} from './groundwork.js';
import * as H from './hart/layout.js';
import {resetHart} from './hart/reset.js';
import {Sampler} from './hart/samples.js';
import {pcOf} from './hart/saved-hart.js';
import {kick} from './hart/signals.js';
import {HartState, type MemoryViews, viewMemory} from './hart/state.js';
import {EXIT, type HartBirth, type HartMessage} from './hart/worker.js';
import {type MachineState, restoreMachine, type StatePlace, saveMachine, startAddresses} from './machine-state.js';
import {AbsentPages} from './memory/absent-pages.js';
import {hostNs, MachineClock} from './memory/clock.js';
import {Freezer, type PageCopier, takeWanted} from './memory/freezer.js';
import {
  ATTENTION,
  COMPILE_NS,
  COMPILED_BYTES,
  COMPILED_REGIONS,
  DOORBELL_COUNTS,
  DOORBELLS,
  ENDED,
  EXIT_KIND,
  EXIT_STATUS,
  PARKED,
  PAUSED,
  RUN_STATE,
  RUNNING,
  TOUCHED_PAGES,
} from './memory/header.js';
import {type MemoryLayout, PAGE_BYTES, RAM_BASE} from './memory/layout.js';
import {Poll} from './memory/poll.js';
import {PAGE_FLAG, Ram} from './memory/ram.js';
import {Syscon} from './platform/syscon.js';
import {checkRegionSettings, type RegionSettings, type Tier} from './tiers.js';

export type {BootSpec} from './boot/layout.js';
export type {RegionSettings, Tier} from './tiers.js';

/** What a machine is. */
export interface MachineSpec {
  readonly memoryBytes: number;
  readonly hartCount: number;
  readonly tier: Tier;
  /** Bounds of region making. */
  readonly regions: RegionSettings;
  /** What it starts with, or the state in which it goes on once its RAM is filled. */
  readonly boot: BootSpec | {readonly kind: 'saved'; readonly state: MachineState};
  /** Every device, the platform's included (`standardPlatform()`). */
  readonly devices: readonly DevicePlan[];
}

/** What the machine needs of the process it runs in. */
export interface MachineEnvironment {
  /** Entry file of the region compiler's thread. */
  readonly compilerWorker: URL;
  /** Entry file of the hart workers; it must know the same models. */
  readonly hartWorker: URL;
  readonly models: readonly DeviceModel[];
  /** Spares a machine the making of code that an earlier one had. */
  readonly codeKeeper?: CodeKeeper | undefined;
  /** What was begun before the machine was known, with the same `hartWorker`. */
  readonly groundwork?: Groundwork | undefined;
}

/** How a machine ended. `status` 0 is a clean power-off. */
export type MachineExit =
  | {readonly kind: 'poweroff'; readonly status: number}
  | {readonly kind: 'reboot'}
  | {
      readonly kind: 'crashed';
      /** One line. */
      readonly reason: string;
      readonly hart: number;
      readonly pc: bigint;
      /** Where in the emulator, as far as it is known. */
      readonly stack?: string | undefined;
    };

/** What a machine has done so far. Units: nanoseconds and bytes; `activeNs` adds up the time harts were not asleep. */
export interface MachineCounters {
  readonly instructions: number;
  readonly activeNs: number;
  readonly elapsedNs: number;
  readonly touchedBytes: number;
  /** Interrupts that harts took: of devices, timers and other harts. */
  readonly interrupts: number;
  /** The same of each hart alone. */
  readonly harts: readonly {readonly instructions: number; readonly activeNs: number}[];
  /** What became of hot code; missing in tier `interpreter`. */
  readonly regionInstructions?: number;
  readonly regions?: number;
  readonly compiledBytes?: number;
  readonly compileMs?: number;
  /** Why there is no region compiler any more, when it ended. */
  readonly compilerFault?: string;
}

/**
 * Serves a device's doorbell. Answers true when all that was asked for is answered, so that the guest may well ask for more
 * within microseconds: the thread then looks for that before it sleeps.
 */
export type DoorbellListener = () => unknown;

/** A device of the I/O thread. */
export interface MachineDevice {
  readonly plan: DevicePlan;
  readonly region: MmioRegion;
  readonly context: DeviceContext;
}

/** Extensions the default hart announces, in device-tree spelling. */
export const isaExtensions: readonly string[] = [
  'i',
  'm',
  'a',
  'f',
  'd',
  'c',
  'zicboz',
  'zicntr',
  'zicond',
  'zicsr',
  'zifencei',
  'zba',
  'zbb',
  'zbs',
  'sstc',
  'svadu',
];

const WASM_PAGE = 65536;
/** A command in a restored guest takes some hundred milliseconds and makes next to nothing hot. */
const COMPILER_PATIENCE_MS = 200;
/** A reason is for people. */
const MAX_REASON_CHARS = 300;

/** A machine that is loaded and ready to start. Dispose it to end its threads and give its memory back. */
export class Machine implements AsyncDisposable {
  readonly memory: GuestMemory;
  /** What of a restored machine's RAM has yet to be filled. */
  readonly absent: AbsentPages;
  readonly devices: readonly MachineDevice[];
  /** Resolves when the machine has ended and no hart runs any more: counters and memory are final. */
  readonly exited: Promise<MachineExit>;
  /** Address of a symbol of the firmware (`begin_signature` …); undefined for a kernel. */
  readonly symbol: BootPlan['symbol'];
  readonly #place: StatePlace;
  readonly #freezer: Freezer;
  readonly #hasSbi: boolean;
  readonly #tohost: number;
  readonly #views: MemoryViews;
  readonly #layout: MemoryLayout;
  readonly #clock: MachineClock;
  readonly #workers: readonly Worker[];
  readonly #compiler: CompilerThread | undefined;
  readonly #hasRegions: boolean;
  #onCompilerFault: (reason: string) => void = () => {};
  readonly #listeners: (DoorbellListener | undefined)[] = [];
  readonly #startedNs = hostNs();
  #finish: (exit: MachineExit) => void = () => {};
  #isEnded = false;
  #compilerFault: string | undefined;
  /** Hart threads that died rather than left their loop. */
  #lostHarts = 0;

  private constructor(
    place: StatePlace,
    clock: MachineClock,
    assembly: Assembly,
    start: Start,
    tier: Tier,
    workers: readonly Worker[],
    makeCompiler: ((lost: (reason: string) => void) => CompilerThread) | undefined,
  ) {
    const {views, layout} = place;
    this.#place = place;
    this.#views = views;
    this.#layout = layout;
    this.#clock = clock;
    this.#hasSbi = start.hasSbi;
    this.#tohost = start.tohost;
    this.symbol = start.symbol;
    this.#workers = workers;
    // Without its compiler a machine only gets slower.
    this.#compiler = makeCompiler?.((reason) => this.#compilerLost(reason));
    this.#hasRegions = tier !== 'interpreter';
    this.#freezer = new Freezer(views, layout);
    this.absent = new AbsentPages(views, layout);
    this.memory = new Ram(
      views,
      layout,
      (page) => this.#freezer.take(page),
      (page) => this.absent.take(page),
    );
    this.devices = assembly.devices;
    this.exited = new Promise((resolve) => {
      this.#finish = resolve;
    });
    this.#watchWorkers();
    this.#watchSyscon();
    void this.#serveAttention();
  }

  /**
   * Loads a guest into a new machine.
   * Errors: EngineError for wrong bounds, a kernel that is none, a program for another processor, what does not fit,
   *   or memory that the host cannot give
   */
  static async create(spec: MachineSpec, environment: MachineEnvironment): Promise<Machine> {
    const {models} = environment;
    const settings = checkRegionSettings(spec.regions);
    const layout = layoutOf(spec, models);
    const groundwork = environment.groundwork ?? new Groundwork(environment.hartWorker, environment.codeKeeper);
    const memory = allocate(layout.totalBytes);
    const views = viewMemory(memory.buffer);
    const place: StatePlace = {views, layout, plans: spec.devices, models};
    const start = prepareStart(place, spec);
    views.i32[RUN_STATE >> 2] = PAUSED;
    const clock = new MachineClock(views.f64);
    // Before threads are up: these settings are the process's.
    prepareForGuestCode();
    const assembly = assemble(views, layout.deviceBase, spec.hartCount, spec.devices, models, clock);
    const channels = spec.tier === 'auto' ? Array.from({length: spec.hartCount}, () => new MessageChannel()) : [];
    const ports = channels.map(({port2}) => port2);
    const data = {memory, layout, settings, ports};
    const patienceMs = spec.boot.kind === 'saved' ? COMPILER_PATIENCE_MS : 0;
    const makeCompiler = (lost: (reason: string) => void) =>
      new CompilerThread(views, {entry: environment.compilerWorker, data, patienceMs, lost});
    const workers = Array.from({length: spec.hartCount}, (_, id) => {
      const channel = channels[id];
      const birth: HartBirth = {
        id,
        memory,
        layout,
        tier: spec.tier,
        settings,
        compiler: channel?.port1,
        plans: spec.devices,
        hasSbi: start.hasSbi,
        pc: start.pcs[id]!,
        tohost: start.tohost,
      };
      const worker = groundwork.thread();
      worker.postMessage(birth, channel ? [channel.port1] : []);
      return worker;
    });
    const compiler = spec.tier === 'auto' ? makeCompiler : undefined;
    const machine = new Machine(place, clock, assembly, start, spec.tier, workers, compiler);
    try {
      // The harts' threads come up meanwhile.
      const module = await groundwork.interpreter({...spec, hasSbi: start.hasSbi}, layout);
      for (const worker of workers) worker.postMessage(module);
      return machine;
    } catch (thrown) {
      await machine[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /** Called on this thread whenever the device rings its doorbell. One listener per device. */
  onDoorbell(deviceIndex: number, listener: DoorbellListener): void {
    this.#listeners[deviceIndex] = listener;
  }

  /** Called once when the region compiler has ended by itself; the machine goes on with what is compiled. */
  onCompilerFault(listener: (reason: string) => void): void {
    this.#onCompilerFault = listener;
  }

  start(): void {
    this.resume();
  }

  /** Resolves when every hart stands still; guest time stands still too. */
  async pause(): Promise<void> {
    const {i32} = this.#views;
    if (Atomics.compareExchange(i32, RUN_STATE >> 2, RUNNING, PAUSED) === RUNNING)
      for (let hart = 0; hart < this.#layout.hartCount; hart++) kick(this.#views, hart);
    for (;;) {
      const parked = Atomics.load(i32, PARKED >> 2);
      if (parked >= this.#layout.hartCount || Atomics.load(i32, RUN_STATE >> 2) !== PAUSED) break;
      // The bound covers a hart that ends instead of parking.
      const wait = Atomics.waitAsync(i32, PARKED >> 2, parked, 100);
      if (wait.async) await wait.value;
    }
    // Whoever resumed meanwhile wants time to run.
    if (Atomics.load(i32, RUN_STATE >> 2) === PAUSED) this.#clock.stop();
  }

  resume(): void {
    const {i32} = this.#views;
    if (Atomics.load(i32, RUN_STATE >> 2) !== PAUSED) return;
    this.#clock.resume();
    Atomics.compareExchange(i32, RUN_STATE >> 2, PAUSED, RUNNING);
    Atomics.notify(i32, RUN_STATE >> 2);
  }

  /** True once the guest is over; `exited` tells how, a moment later. Such a machine cannot be paused. */
  get hasEnded(): boolean {
    return Atomics.load(this.#views.i32, RUN_STATE >> 2) === ENDED;
  }

  /**
   * The state of a machine that is paused, its RAM apart: the pages that `isTouched` tells of. Devices of the I/O thread
   * must have nothing under way.
   */
  save(): MachineState {
    if (Atomics.load(this.#views.i32, RUN_STATE >> 2) !== PAUSED) throw new Error('a machine that runs is saved');
    return saveMachine(this.#place, this.#hasSbi, this.#tohost);
  }

  /**
   * Keeps all touched pages of a paused machine as they are, also when it goes on: `copier` is called with a page that
   * somebody wants to write, and must `thaw` it. Its flags tell from then on which pages are written later, unless it `keepsChanges`.
   * Absent pages stay absent, and are nobody's to copy.
   */
  freeze(copier: PageCopier, keepsChanges = false): void {
    if (Atomics.load(this.#views.i32, RUN_STATE >> 2) !== PAUSED) throw new Error('a machine that runs is frozen');
    this.#freezer.freeze(copier, keepsChanges);
  }

  /** Whether a page (index) is as it was when it was frozen. */
  isFrozen(page: number): boolean {
    return this.#freezer.isFrozen(page);
  }

  /** Lets pages be written again: they are copied. */
  thaw(first: number, count: number): void {
    this.#freezer.thaw(first, count);
  }

  /** Lets all pages be written again. */
  endFreeze(): void {
    this.#freezer.end();
  }

  /** Whether a page of RAM (index) was ever written; the others are zero. */
  isTouched(page: number): boolean {
    return (Atomics.load(this.#views.u8, this.#layout.pageFlags + page) & PAGE_FLAG.touched) !== 0;
  }

  /** The `PAGE_FLAG`s of all pages, as they are now; `changed` since the last `freeze` that does not keep them. */
  copyPageFlags(): Uint8Array {
    const {pageFlags, ramBytes} = this.#layout;
    return this.#views.u8.slice(pageFlags, pageFlags + ramBytes / PAGE_BYTES);
  }

  counters(): MachineCounters {
    const now = hostNs();
    const elapsedNs = now - this.#startedNs;
    const harts: {instructions: number; activeNs: number}[] = [];
    let interrupts = 0;
    let regionInstructions = 0;
    for (let hart = 0; hart < this.#layout.hartCount; hart++) {
      const base = H.hartBlock(hart) >> 3;
      const {f64} = this.#views;
      const instructions = f64[base + (H.INSTRET >> 3)]!;
      interrupts += f64[base + (H.INTERRUPTS >> 3)]!;
      regionInstructions += Number(this.#views.u64[base + (H.REGION_INSTRET >> 3)]!);
      const since = f64[base + (H.IDLE_SINCE >> 3)]!;
      const activeNs = elapsedNs - f64[base + (H.IDLE_NS >> 3)]! - (since > 0 ? now - since : 0);
      harts.push({instructions, activeNs: Math.max(0, activeNs)});
    }
    return {
      instructions: harts.reduce((sum, {instructions}) => sum + instructions, 0),
      activeNs: harts.reduce((sum, {activeNs}) => sum + activeNs, 0),
      elapsedNs,
      interrupts,
      harts,
      touchedBytes: Atomics.load(this.#views.i32, TOUCHED_PAGES >> 2) * PAGE_BYTES,
      ...(this.#hasRegions ? this.#compiled(regionInstructions) : {}),
    };
  }

  #compiled(regionInstructions: number): Partial<MachineCounters> {
    const {i32, f64} = this.#views;
    return {
      regionInstructions,
      regions: Atomics.load(i32, COMPILED_REGIONS >> 2),
      compiledBytes: Atomics.load(i32, COMPILED_BYTES >> 2),
      compileMs: f64[COMPILE_NS >> 3]! / 1e6,
      ...(this.#compilerFault === undefined ? {} : {compilerFault: this.#compilerFault}),
    };
  }

  /** Starts to sample where harts are, until the sampler is disposed. */
  startSampling(): Sampler {
    return new Sampler(this.#views, this.#layout);
  }

  /** Ends it for a reason of the host's: it cannot go on. */
  crash(reason: string): void {
    this.#end({kind: 'crashed', reason: firstLine(reason), hart: 0, pc: this.#pcOf(0)});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end({kind: 'poweroff', status: 0});
    await Promise.all([...this.#workers.map((worker) => worker.terminate()), this.#compiler?.end()]);
  }

  #end(exit: MachineExit): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const {i32} = this.#views;
    Atomics.store(i32, RUN_STATE >> 2, ENDED);
    Atomics.notify(i32, RUN_STATE >> 2);
    for (let hart = 0; hart < this.#layout.hartCount; hart++) kick(this.#views, hart);
    Atomics.add(i32, ATTENTION >> 2, 1);
    Atomics.notify(i32, ATTENTION >> 2);
    void this.#finishWhenStill(exit);
  }

  async #finishWhenStill(exit: MachineExit): Promise<void> {
    const {i32} = this.#views;
    // A hart leaves within microseconds; the bound (two seconds) is for one that hangs in the host.
    for (let patience = 20; patience > 0; patience--) {
      const parked = Atomics.load(i32, PARKED >> 2);
      if (parked + this.#lostHarts >= this.#layout.hartCount) break;
      const wait = Atomics.waitAsync(i32, PARKED >> 2, parked, 100);
      if (wait.async) await wait.value;
    }
    this.#finish(exit);
  }

  readonly #serveWanted = (page: number): void => {
    this.absent.take(page);
    this.#freezer.serve(page);
  };

  /** Serves doorbells until the machine ends: wakes on the attention cell, runs the listeners, answers waiters. */
  async #serveAttention(): Promise<void> {
    const {i32} = this.#views;
    const poll = new Poll();
    while (!this.#isEnded) {
      let isAnswered = false;
      const seen = Atomics.load(i32, ATTENTION >> 2);
      takeWanted(this.#views, this.#layout, this.#serveWanted);
      this.#compiler?.serve();
      const bells = Atomics.exchange(i32, DOORBELLS >> 2, 0);
      for (let index = 0; index < this.devices.length; index++) {
        if ((bells & (1 << index)) === 0) continue;
        const counts = (DOORBELL_COUNTS >> 2) + index * 2;
        const asked = Atomics.load(i32, counts);
        if (this.#listeners[index]?.() === true) isAnswered = true;
        Atomics.store(i32, counts + 1, asked);
        Atomics.notify(i32, counts + 1);
      }
      this.#readExit();
      if (isAnswered && poll.look(i32, ATTENTION >> 2, seen)) {
        poll.woken();
        continue;
      }
      const wait = Atomics.waitAsync(i32, ATTENTION >> 2, seen);
      if (wait.async) await wait.value;
      if (isAnswered) poll.woken();
    }
  }

  #readExit(): void {
    const status = Atomics.load(this.#views.i32, EXIT_STATUS >> 2);
    switch (Atomics.load(this.#views.i32, EXIT_KIND >> 2)) {
      case EXIT.poweroff:
        this.#end({kind: 'poweroff', status});
        return;
      case EXIT.reboot:
        this.#end({kind: 'reboot'});
        return;
    }
  }

  #watchSyscon(): void {
    this.devices.forEach(({region}, index) => {
      if (!(region instanceof Syscon)) return;
      this.onDoorbell(index, () => {
        const request = region.request();
        if (request) this.#end(request);
      });
    });
  }

  #watchWorkers(): void {
    void this.exited.then(() => this.#compiler?.end());
    this.#workers.forEach((worker, hart) => {
      const crash = (reason: string, pc: bigint, stack?: string) =>
        this.#end({kind: 'crashed', reason: firstLine(reason), hart, pc, stack});
      worker.on('message', ({reason, stack, pc}: HartMessage) => crash(reason, pc, stack));
      worker.on('error', (error) =>
        crash(String(error), this.#pcOf(hart), error instanceof Error ? error.stack : undefined),
      );
      worker.on('exit', (code) => {
        if (code !== 0) this.#lostHarts++;
        else this.#readExit();
        // Nothing, when the machine has ended for a reason that is known.
        crash(`its thread ended (${code})`, this.#pcOf(hart));
      });
    });
  }

  /** Of a thread that throws, the error comes before the exit. */
  #compilerLost(reason: string): void {
    if (this.#isEnded || this.#compilerFault !== undefined) return;
    this.#compilerFault = firstLine(reason);
    this.#onCompilerFault(this.#compilerFault);
  }

  /** The last known pc of a hart that cannot say it itself. */
  #pcOf(hart: number): bigint {
    return pcOf(new HartState(hart, this.#views, this.#layout));
  }
}

const firstLine = (reason: string) => reason.split('\n', 1)[0]!.slice(0, MAX_REASON_CHARS);

/** How a machine starts: the harts' first addresses, and what its threads must know. */
interface Start {
  readonly pcs: readonly bigint[];
  readonly hasSbi: boolean;
  readonly tohost: number;
  readonly symbol: BootPlan['symbol'];
}

/** Fills the memory of a new machine: what it boots, or the state in which it goes on. */
function prepareStart(place: StatePlace, {boot, memoryBytes, hartCount, devices}: MachineSpec): Start {
  const {views, layout, models} = place;
  if (boot.kind === 'saved') {
    restoreMachine(place, boot.state);
    const {hasSbi, tohost} = boot.state;
    return {pcs: startAddresses(boot.state), hasSbi, tohost, symbol: () => undefined};
  }
  const range = {baseAddress: RAM_BASE, sizeBytes: memoryBytes};
  const treeOf = {
    memory: range,
    hartCount,
    isaExtensions,
    mmuType: 'riscv,sv57' as const,
    devices: devices.map((plan) => ({model: modelOf(plan, models), plan})),
  };
  const {writes, mode, registers, symbol} = planBoot(boot, range, (chosen) => buildDeviceTree(treeOf, chosen));
  const ram = new Ram(views, layout, () => undefined);
  for (const {address, bytes} of writes) {
    ram.bytes(address, bytes.length)?.set(bytes);
    ram.markWritten(address, bytes.length);
  }
  const hasSbi = mode === 'supervisor';
  for (let hart = 0; hart < hartCount; hart++)
    resetHart(new HartState(hart, views, layout), {hasSbi, isBootHart: hart === 0, a1: registers.a1});
  const pcs = Array<bigint>(hartCount).fill(BigInt(registers.pc));
  return {pcs, hasSbi, tohost: symbol('tohost') ?? -1, symbol};
}

function allocate(totalBytes: number): WebAssembly.Memory {
  const pages = totalBytes / WASM_PAGE;
  try {
    return new WebAssembly.Memory({initial: pages, maximum: pages, shared: true});
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new EngineError(
      'no-memory',
      `The host cannot give ${Math.ceil(totalBytes / 1024 ** 2)} MiB of address space.`,
      'Choose a smaller memory size, or stop other machines.',
    );
  }
}
