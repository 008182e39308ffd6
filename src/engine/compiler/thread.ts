/**
 * The machine's end of its region compiler. A guest that boots has hot code soon: the thread starts with it. For one that
 * goes on from a saved state it is started when a hart first asks for a region, which may be never; until then requests wait
 * in the ports.
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
  /**
   * How long the first request waits: whoever goes on from a saved state may be done before a thread is up. 0: there is no
   * waiting for requests.
   */
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
    if (how.patienceMs === 0) this.#start();
  }

  /** Starts the thread when a hart wants it; cheap otherwise. */
  serve(): void {
    if (this.#timer || this.#worker || this.#isEnded) return;
    if (Atomics.load(this.#views.i32, COMPILER_WANTED >> 2) === 0) return;
    this.#timer = setTimeout(() => this.#start(), this.#how.patienceMs).unref();
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
