/**
 * What a machine needs and what can be there before it: a hart's thread that has loaded its program, and the compiled
 * interpreter of machines of one shape. Both take a fresh process some hundred milliseconds.
 */
import {Worker} from 'node:worker_threads';
import {deviceStateBytes} from './assembly.js';
import {hostFuses} from './codegen/host-fusion.js';
import {type CodeKeeper, interpreterCode} from './codegen/interpreter-source.js';
import {prepareForGuestCode} from './compiler/flags.js';
import type {DeviceModel, DevicePlan} from './contract.js';
import {HART_STACK_MB} from './hart/region-maker.js';
import {Decoder} from './isa/decoder.js';
import {instructions} from './isa/instructions.js';
import {layoutMemory, type MemoryLayout} from './memory/layout.js';
import type {Tier} from './tiers.js';

const WASM_PAGE = 65536;

/** All that the code of a machine's interpreter depends on. */
export interface MachineShape {
  readonly memoryBytes: number;
  readonly hartCount: number;
  readonly tier: Tier;
  /** Of their kinds and number only. */
  readonly devices: readonly DevicePlan[];
  /** True when the emulator is the supervisor's firmware. */
  readonly hasSbi: boolean;
}

/** Where everything of a machine lies. Errors: EngineError for wrong bounds */
export function layoutOf(shape: Omit<MachineShape, 'hasSbi'>, models: readonly DeviceModel[]): MemoryLayout {
  return layoutMemory(shape.memoryBytes, shape.hartCount, deviceStateBytes(shape.devices, models));
}

/** See the module. Dispose it to end the threads that no machine took. */
export class Groundwork implements AsyncDisposable {
  readonly #hartWorker: URL;
  readonly #keeper: CodeKeeper | undefined;
  readonly #threads: Worker[] = [];
  readonly #interpreters = new Map<string, Promise<WebAssembly.Module>>();

  /** `hartWorker` is the entry file of hart threads; `keeper` spares the making of code that an earlier process had. */
  constructor(hartWorker: URL, keeper?: CodeKeeper) {
    this.#hartWorker = hartWorker;
    this.#keeper = keeper;
  }

  /** Begins what a machine of this shape will need. What fails here fails again, and is told, when it is needed. */
  lay(shape: MachineShape, models: readonly DeviceModel[]): void {
    this.startThreads(shape.hartCount);
    this.interpreter(shape, layoutOf(shape, models)).catch(() => undefined);
  }

  /** Starts as many threads as there will be harts, less those that wait already. */
  startThreads(hartCount: number): void {
    // Before threads are up: these settings are the process's.
    prepareForGuestCode();
    while (this.#threads.length < hartCount) this.#threads.push(this.#startThread());
  }

  /** A thread that waits to be told which hart it is; the caller's from now on. */
  thread(): Worker {
    return this.#threads.shift() ?? this.#startThread();
  }

  /** The interpreter of machines of this shape. */
  interpreter({tier, hasSbi}: Omit<MachineShape, 'devices'>, layout: MemoryLayout): Promise<WebAssembly.Module> {
    const pages = layout.totalBytes / WASM_PAGE;
    const memory = {initialPages: pages, maximumPages: pages};
    const options = {memory, layout, hasSbi, hasRegions: tier !== 'interpreter', hasFusion: hostFuses()};
    const key = JSON.stringify(options);
    const known = this.#interpreters.get(key);
    if (known !== undefined) return known;
    const made = interpreterCode(() => new Decoder(instructions), options, this.#keeper).then(compileInBackground);
    this.#interpreters.set(key, made);
    return made;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#threads.splice(0).map((thread) => thread.terminate()));
  }

  #startThread(): Worker {
    return new Worker(this.#hartWorker, {name: 'hart', resourceLimits: {stackSizeMb: HART_STACK_MB}});
  }
}

/** Node ends a process that waits for nothing else while V8 compiles. */
async function compileInBackground(bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
  const stay = setInterval(() => undefined, 2 ** 30);
  try {
    return await WebAssembly.compile(bytes);
  } finally {
    clearInterval(stay);
  }
}
