/**
 * The compiler's thread: takes requests of all harts, compiles them in batches with the optimising compiler, and sends
 * every batch to every hart. It never holds a hart up: harts go on in the interpreter and take what is ready at their
 * next boundary.
 */
import {type MessagePort, receiveMessageOnPort, workerData} from 'node:worker_threads';
import {hostFuses} from '../codegen/host-fusion.js';
import {deltaOf} from '../codegen/region/graph.js';
import {buildRegions} from '../codegen/region/module.js';
import type {RegionPlan} from '../codegen/region/region.js';
import {planRegion, type RegionRequest} from '../codegen/region/request.js';
import {HartRequest} from '../hart/layout.js';
import {request as askHart} from '../hart/signals.js';
import {type MemoryViews, viewMemory} from '../hart/state.js';
import {Decoder} from '../isa/decoder.js';
import {instructions} from '../isa/instructions.js';
import {COMPILE_NS, COMPILED_BYTES, COMPILED_REGIONS} from '../memory/header.js';
import type {MemoryLayout} from '../memory/layout.js';
import {MAX_JUMP_TARGETS, type RegionSettings} from '../tiers.js';
import {compileOptimised} from './flags.js';
import type {CompileMessage, CompilerMessage, MakerMessage} from './messages.js';
import {type Asker, RequestQueue} from './queue.js';
import {RegionStore, regionKey} from './store.js';

/** What the compiler's thread is started with. */
export interface CompilerWorkerData {
  readonly memory: WebAssembly.Memory;
  readonly layout: MemoryLayout;
  readonly settings: RegionSettings;
  /** One for each hart. */
  readonly ports: readonly MessagePort[];
}

/** Regions of one module: enough to share its cost, few enough that the first does not wait long. */
const MAX_BATCH = 24;
const WASM_PAGE = 65536;

/** Serves requests until the thread is ended. */
export function runCompiler(): void {
  const compiler = new Compiler(workerData as CompilerWorkerData);
  compiler.listen();
}

interface Planned {
  readonly key: string;
  readonly request: RegionRequest;
  readonly plan: RegionPlan;
}

class Compiler {
  readonly #data: CompilerWorkerData;
  readonly #views: MemoryViews;
  readonly #decoder = new Decoder(instructions);
  readonly #store: RegionStore;
  readonly #queue = new RequestQueue();
  #isScheduled = false;

  constructor(data: CompilerWorkerData) {
    this.#data = data;
    this.#views = viewMemory(data.memory.buffer);
    this.#store = new RegionStore(data.settings);
  }

  listen(): void {
    this.#data.ports.forEach((port, hart) => {
      port.on('message', (message: MakerMessage) => this.#receive(hart, message));
    });
  }

  #receive(hart: number, message: MakerMessage): void {
    this.#enter(hart, message);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#drain();
    });
  }

  #enter(hart: number, message: MakerMessage): void {
    if (message.kind === 'compile') this.#enqueue(hart, message);
    else this.#forget(this.#store.changed(message.batch, message.index));
  }

  #enqueue(hart: number, {request, attempt, op}: CompileMessage): void {
    const key = regionKey(request);
    const asker = {hart, op};
    if (attempt === 1 && this.#store.has(key)) this.#answer([asker]);
    else this.#answer(this.#queue.add(key, request, asker)?.askers ?? []);
  }

  #drain(): void {
    while (this.#queue.size > 0) {
      this.#compileBatch();
      this.#data.ports.forEach((port, hart) => {
        for (let more = receiveMessageOnPort(port); more; more = receiveMessageOnPort(port))
          this.#enter(hart, more.message as MakerMessage);
      });
    }
  }

  #answer(askers: readonly Asker[]): void {
    for (const {hart, op} of askers) {
      const message: CompilerMessage = {kind: 'answered', op};
      this.#data.ports[hart]!.postMessage(message);
      askHart(this.#views, hart, HartRequest.regions);
    }
  }

  #compileBatch(): void {
    const began = performance.now();
    const {settings, layout} = this.#data;
    const planned: Planned[] = [];
    const most = Math.min(MAX_BATCH, settings.maxRegions);
    const askers: Asker[] = [];
    while (planned.length < most) {
      const waiting = this.#queue.take();
      if (!waiting) break;
      const {key, request} = waiting;
      askers.push(...waiting.askers);
      if (this.#isOutdated(request) || this.#store.defers(key)) continue;
      const bounds = {maxOps: settings.maxOps, maxJumpTargets: MAX_JUMP_TARGETS};
      const plan = planRegion(this.#decoder, this.#views, layout, request, bounds);
      if (plan) planned.push({key, request, plan});
      else this.#store.refuse(key);
    }
    if (planned.length > 0) this.#make(planned);
    this.#answer(askers);
    this.#account((performance.now() - began) * 1e6);
  }

  /** True when the code has changed since it was asked for: no hart would take the region. */
  #isOutdated({pages}: RegionRequest): boolean {
    const {generations} = this.#data.layout;
    const home = pages.find(({distance}) => distance === 0);
    return !home || Atomics.load(this.#views.i32, (generations >> 2) + home.guestPage) !== home.generation;
  }

  /** Compiles planned regions; in halves when together they are more than the machine may have. */
  #make(batch: readonly Planned[]): void {
    const {layout, memory} = this.#data;
    const pages = memory.buffer.byteLength / WASM_PAGE;
    const limits = {initialPages: pages, maximumPages: pages};
    const bytes = buildRegions(
      batch.map(({plan}) => plan),
      limits,
      layout.hartCount,
      hostFuses(),
    );
    if (!this.#store.fits(batch.length, bytes.length)) {
      const half = batch.length >> 1;
      if (half === 0) this.#store.refuse(batch[0]!.key);
      else for (const part of [batch.slice(0, half), batch.slice(half)]) this.#make(part);
      return;
    }
    const module = compileOptimised(bytes);
    this.#forget(this.#store.evict(batch.length, bytes.length));
    const {batch: name, indices} = this.#store.add(
      batch.map(({key}) => key),
      batch.flatMap(({request, plan}) => plan.blocks.map(({block}) => regionKey(request, deltaOf(block.start)))),
      bytes.length,
    );
    const regions = batch.map(({request, plan}, i) => ({
      index: indices[i]!,
      entry: request.entry,
      pages: request.pages
        .filter(({distance}) => distance === 0 || plan.pages.some((page) => page.distance === distance))
        .sort((a, b) => Number(a.distance !== 0) - Number(b.distance !== 0))
        .map(({guestPage, generation}) => ({guestPage, generation})),
    }));
    this.#send({kind: 'take', batch: name, module, regions});
  }

  #forget(indices: readonly number[]): void {
    if (indices.length === 0) return;
    this.#send({kind: 'forget', indices});
    this.#account(0);
  }

  #send(message: CompilerMessage): void {
    this.#data.ports.forEach((port, hart) => {
      port.postMessage(message);
      askHart(this.#views, hart, HartRequest.regions);
    });
  }

  #account(nanoseconds: number): void {
    const {i32, f64} = this.#views;
    f64[COMPILE_NS >> 3] = f64[COMPILE_NS >> 3]! + nanoseconds;
    Atomics.store(i32, COMPILED_BYTES >> 2, this.#store.bytes);
    Atomics.store(i32, COMPILED_REGIONS >> 2, this.#store.count);
  }
}
