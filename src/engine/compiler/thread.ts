/**
 * The machine's end of its region compiler: a thread that is started when a hart first asks for a region. Until then
 * requests wait in the ports. A guest that has nothing hot saves the thread's memory, and a short run the time to start it.
 */
import {type MessagePort, Worker} from 'node:worker_threads';
import type {MemoryViews} from '../hart/state.js';
import {ATTENTION, COMPILER_WANTED} from '../memory/header.js';
import type {CompilerWorkerData} from './worker.js';

/** Has the machine's thread start the compiler, if it has not been asked already. Any thread may call it. */
export function wantCompiler({i32}: MemoryViews): void {
  if (Atomics.exchange(i32, COMPILER_WANTED >> 2, 1) !== 0) return;
  Atomics.add(i32, ATTENTION >> 2, 1);
  Atomics.notify(i32, ATTENTION >> 2);
}

/** How a machine's compiler is started. */
export interface CompilerStart {
  /** The start file. */
  readonly entry: URL;
  readonly data: CompilerWorkerData;
  /** How long the first request waits: whoever goes on from a saved state may be done before a thread is up. */
  readonly patienceMs: number;
  /** Called when the thread ends by itself, with the error before the exit. */
  readonly lost: (reason: string) => void;
}

/** See the module. */
export class CompilerThread {
  readonly #views: MemoryViews;
  readonly #how: CompilerStart;
  #worker: Worker | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isEnded = false;

  constructor(views: MemoryViews, how: CompilerStart) {
    this.#views = views;
    this.#how = how;
  }

  /** Starts the thread when a hart wants it; cheap otherwise. */
  serve(): void {
    if (this.#timer || this.#worker || this.#isEnded) return;
    if (Atomics.load(this.#views.i32, COMPILER_WANTED >> 2) === 0) return;
    if (this.#how.patienceMs === 0) this.#start();
    else this.#timer = setTimeout(() => this.#start(), this.#how.patienceMs).unref();
  }

  #start(): void {
    const {entry, data, lost} = this.#how;
    const transferList: MessagePort[] = [...data.ports];
    this.#worker = new Worker(entry, {workerData: data, transferList, name: 'compiler'});
    this.#worker.on('error', (error) => lost(String(error)));
    this.#worker.on('exit', (code) => lost(`its thread ended (${code})`));
    this.#worker.unref();
  }

  async end(): Promise<void> {
    this.#isEnded = true;
    clearTimeout(this.#timer);
    if (this.#worker) await this.#worker.terminate();
    else for (const port of this.#how.data.ports) port.close();
  }
}
