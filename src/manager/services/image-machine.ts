/** Runs the machines that make disks of images, with a hypervisor driver: each in a process of its own, outside of the fleet. */
import {randomUUID} from 'node:crypto';
import {readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import * as z from 'zod';
import {createImage} from '../../paravirt/block/create-image.js';
import {translateHostError} from '../hypervisor/builtin/host-errors.js';
import type {HypervisorDriver, LaunchPlan, RunListener} from '../hypervisor/contract.js';
import {cancelled} from '../image/host-process.js';
import type {MachineRun, RunEnd, RunRequest} from '../image/machine-run.js';
import {ManagerError} from '../protocol/errors.js';
import {isAlive} from '../store/process-identity.js';
import {checkMemoryFree} from './boot-files.js';

/** Who the process is, in the machine's folder, so that one that outlived its builder can be found. */
const PROCESS_FILE = 'process.json';
/** A machine that writes nothing for so long has come to nothing. Units: milliseconds */
const SILENCE_MAX_MS = 15 * 60_000;
const SIZE = {columns: 80, rows: 24};

/** What runs machines with a driver. Memory is left for the host as the settings say. Units: bytes */
export function machineRunOf(findDriver: () => Promise<HypervisorDriver>, hostMemoryReserveBytes: number): MachineRun {
  return async (request) => {
    const {memoryBytes, newDisk, signal = new AbortController().signal} = request;
    checkMemoryFree(memoryBytes, hostMemoryReserveBytes);
    await createImage(newDisk.path, 'qcow2', {sizeBytes: newDisk.sizeBytes}).catch((thrown: unknown) => {
      throw translateHostError(thrown, 'bad-kernel');
    });
    const ended = Promise.withResolvers<RunEnd>();
    const abort = () => ended.reject(cancelled());
    using silence = new Silence(() => ended.reject(fellSilent()));
    const listener: RunListener = {
      onSpawned: (process) => writeFile(join(request.folder, PROCESS_FILE), JSON.stringify(process), {mode: 0o600}),
      onReady: async () => undefined,
      onOutput: (_offset, bytes) => {
        silence.broken();
        request.onOutput(bytes);
      },
      onCounters: () => undefined,
      onQuestions: () => undefined,
      onRebooted: () => ended.resolve({kind: 'crashed', reason: 'its kernel panicked'}),
      onHalted: (reason) => ended.reject(new ManagerError('disk-full', reason, 'Free some space and build it again.')),
      onEnd: (end) => ended.resolve(end.kind === 'crashed' ? end : {kind: 'powered-off'}),
    };
    const machine = await (await findDriver()).start(planOf(request), listener, signal);
    signal.addEventListener('abort', abort, {once: true});
    if (signal.aborted) abort();
    try {
      return await ended.promise;
    } finally {
      signal.removeEventListener('abort', abort);
      await machine.kill().catch(() => undefined); // it has ended by itself, mostly
    }
  };
}

/** Ends the process of a machine whose builder was killed; `folder` is the machine's. */
export async function endLeftMachine(folder: string): Promise<void> {
  const text = await readFile(join(folder, PROCESS_FILE), 'utf8').catch(() => undefined);
  if (text === undefined) return;
  const left = leftSchema.safeParse(text);
  if (left.success && isAlive(left.data)) process.kill(left.data.pid, 'SIGKILL');
}

/** The file may be cut off: then the machine had not begun. */
const leftSchema = z
  .string()
  .transform((text, context) => {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      context.addIssue('it is no JSON');
      return z.NEVER;
    }
  })
  .pipe(z.object({pid: z.int().min(2), startToken: z.string()}));

function planOf({folder, name, memoryBytes, newDisk, disks, ...files}: RunRequest): LaunchPlan {
  const {kernelPath, initrdPath, commandLine} = files;
  const boot = {kind: 'linux' as const, kernelPath, initrdPath, commandLine};
  const network = {kind: 'none' as const, egress: 'deny' as const, allowsHostLoopback: false, forwards: []};
  return {
    id: randomUUID(),
    name,
    folder,
    config: {memoryBytes, hartCount: 1, boot, disks: [], network},
    boot,
    disks: [
      {images: [{path: newDisk.path, format: 'qcow2'}], isReadOnly: false},
      ...disks.map((image) => ({images: [image], isReadOnly: true})),
    ],
    size: SIZE,
  };
}

/** Calls when nothing was heard for too long. */
class Silence implements Disposable {
  readonly #timer: NodeJS.Timeout;

  constructor(onTooLong: () => void) {
    this.#timer = setTimeout(onTooLong, SILENCE_MAX_MS);
  }

  broken(): void {
    this.#timer.refresh();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

function fellSilent(): ManagerError {
  return new ManagerError(
    'image-build-failed',
    `The machine that makes the disk wrote nothing for ${SILENCE_MAX_MS / 60_000} minutes.`,
    'Build the image again, when the host has less to do.',
  );
}
