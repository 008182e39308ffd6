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
import type {CompileMessage, CompilerMessage} from './messages.js';
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

class Compiler {
  readonly #data: CompilerWorkerData;
  readonly #views: MemoryViews;
  readonly #decoder = new Decoder(instructions);
  readonly #store: RegionStore;
  readonly #queue = new Map<string, RegionRequest>();
  /** Requests to answer once the queue is empty. */
  #unanswered: {readonly hart: number; readonly op: number}[] = [];
  #isScheduled = false;

  constructor(data: CompilerWorkerData) {
    this.#data = data;
    this.#views = viewMemory(data.memory.buffer);
    this.#store = new RegionStore(data.settings);
  }

  listen(): void {
    this.#data.ports.forEach((port, hart) => {
      port.on('message', (message: CompileMessage) => this.#ask(hart, message));
    });
  }

  #ask(hart: number, message: CompileMessage): void {
    this.#enqueue(hart, message);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#drain();
    });
  }

  #enqueue(hart: number, {request, attempt, op}: CompileMessage): void {
    this.#unanswered.push({hart, op});
    const key = regionKey(request);
    if (attempt > 1 || !this.#store.has(key)) this.#queue.set(key, request);
  }

  #drain(): void {
    while (this.#queue.size > 0) {
      this.#compileBatch();
      this.#data.ports.forEach((port, hart) => {
        for (let more = receiveMessageOnPort(port); more; more = receiveMessageOnPort(port))
          this.#enqueue(hart, more.message as CompileMessage);
      });
    }
    this.#answer();
  }

  #answer(): void {
    for (const {hart, op} of this.#unanswered) {
      const message: CompilerMessage = {kind: 'answered', op};
      this.#data.ports[hart]!.postMessage(message);
      askHart(this.#views, hart, HartRequest.regions);
    }
    this.#unanswered = [];
  }

  #compileBatch(): void {
    const began = performance.now();
    const {settings, layout, memory} = this.#data;
    const batch: {readonly key: string; readonly request: RegionRequest; readonly plan: RegionPlan}[] = [];
    for (const [key, request] of this.#queue) {
      if (batch.length === MAX_BATCH) break;
      this.#queue.delete(key);
      if (this.#store.defers(key)) continue;
      const bounds = {maxOps: settings.maxOps, maxJumpTargets: MAX_JUMP_TARGETS};
      const plan = planRegion(this.#decoder, this.#views, layout, request, bounds);
      if (plan) batch.push({key, request, plan});
      else this.#store.refuse(key);
    }
    if (batch.length === 0) return;
    const pages = memory.buffer.byteLength / WASM_PAGE;
    const limits = {initialPages: pages, maximumPages: pages};
    const bytes = buildRegions(
      batch.map(({plan}) => plan),
      limits,
      layout.hartCount,
      hostFuses(),
    );
    const module = compileOptimised(bytes);
    const gone = this.#store.evict(batch.length, bytes.length);
    if (gone.length > 0) this.#send({kind: 'forget', indices: gone});
    const indices = this.#store.add(
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
    this.#send({kind: 'take', module, regions});
    this.#account((performance.now() - began) * 1e6);
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
