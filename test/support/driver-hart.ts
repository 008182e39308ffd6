/**
 * A hart for the transport's tests: its own thread, with registers of a device whose host side runs in the test's thread.
 * Bundled on the fly, because a worker cannot load TypeScript with our import suffixes.
 */
import {Worker} from 'node:worker_threads';
import * as esbuild from 'esbuild';
import type {VirtioDeviceDescription} from '../../src/paravirt/device.js';
import type {FakeContext} from './driver-mmio.js';

const SOURCE = `
  import {parentPort, workerData} from 'node:worker_threads';
  import {VirtioMmio} from './src/paravirt/transport/mmio.js';
  const {state, bell, description} = workerData;
  const ring = () => parentPort.postMessage('ring');
  const registers = new VirtioMmio({
    state: new DataView(state),
    cells: new Int32Array(state),
    irq: {number: 1, set: () => {}},
    clock: {nowNs: () => 0},
    doorbell: {ring, ringAndWait: () => {
      const before = Atomics.load(bell, 0);
      ring();
      Atomics.wait(bell, 0, before);
    }},
  }, description);
  parentPort.on('message', ({offset, value}) => {
    registers.write(offset, 4, value);
    Atomics.add(bell, 1, 1);
    Atomics.notify(bell, 1);
    parentPort.postMessage('written');
  });
`;

/** One more thread that writes a device's registers. */
export class HartThread implements AsyncDisposable {
  readonly #worker: Worker;
  // Cell 0 counts doorbells answered, cell 1 writes finished.
  readonly #bell: Int32Array<SharedArrayBuffer>;

  private constructor(worker: Worker, bell: Int32Array<SharedArrayBuffer>) {
    this.#worker = worker;
    this.#bell = bell;
  }

  /** Blocks this thread until the hart has finished a write, or gives up: true when it is still held. */
  isHeldFor(timeoutMs: number): boolean {
    return Atomics.wait(this.#bell, 1, 0, timeoutMs) === 'timed-out';
  }

  /** Starts the thread. Its doorbell calls `context.onDoorbell` in this one. */
  static async start(context: FakeContext, description: VirtioDeviceDescription): Promise<HartThread> {
    const {outputFiles} = await esbuild.build({
      stdin: {contents: SOURCE, resolveDir: process.cwd(), loader: 'ts'},
      bundle: true,
      write: false,
      platform: 'node',
      format: 'cjs',
    });
    const bell = new Int32Array(new SharedArrayBuffer(8));
    const worker = new Worker(outputFiles[0]!.text, {
      eval: true,
      workerData: {state: context.state.buffer, bell, description},
    });
    worker.on('message', (message) => {
      if (message !== 'ring') return;
      context.onDoorbell();
      Atomics.add(bell, 0, 1);
      Atomics.notify(bell, 0);
    });
    return new HartThread(worker, bell);
  }

  /** Writes a register on the hart's thread; resolves when the hart has gone on. */
  write(offset: number, value: number): Promise<void> {
    return new Promise((resolve) => {
      const listener = (message: unknown): void => {
        if (message !== 'written') return;
        this.#worker.off('message', listener);
        resolve();
      };
      this.#worker.on('message', listener);
      this.#worker.postMessage({offset, value});
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}
