/** Runs the kernels of `viv bench` on a machine of ours, on the host itself and on QEMU where it is installed. */
import {spawn} from 'node:child_process';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Writable} from 'node:stream';
import {setImmediate} from 'node:timers/promises';
import {TIMEBASE_HZ} from '../../engine/platform/memory-map.js';
import type {BenchOptions, BenchReport, BenchSide, KernelTime} from '../client/bench.js';
import type {AssemblyPlan} from '../hypervisor/builtin/assembly.js';
import {runConsole} from '../hypervisor/builtin/console-run.js';
import {ManagerError} from '../protocol/errors.js';
import type {Kernel} from './code.js';
import {buildGuest, GUEST_MEMORY_BYTES} from './guest-code.js';
import {buildHost} from './host-code.js';
import {kernels as allKernels} from './kernels.js';

/** Each kernel runs this long on each side: six kernels and three sides stay below ten seconds. Units: milliseconds */
const KERNEL_MS = 400;
/** Longest a side may take: many times what it should, for a slow start on a busy host. Units: milliseconds */
const SIDE_MS = 30_000;

const QEMU = 'qemu-system-riscv64';

/** The fastest pass of a kernel and its result, which must be the same on every side. Units: microseconds */
interface Pass {
  readonly microseconds: number;
  readonly result: string;
}

type Times = ReadonlyMap<string, Pass>;

/** See `Embedded.bench`. `execution` is how the machine runs guest code; `kernelMs` is how long each of `kernels` runs on each side. */
export async function runBench(
  {signal, onProgress, environment}: BenchOptions,
  execution: Pick<AssemblyPlan, 'tier' | 'regions'>,
  kernelMs = KERNEL_MS,
  kernels = allKernels,
): Promise<BenchReport> {
  const folder = await mkdtemp(join(tmpdir(), 'viv-bench-'));
  try {
    const elfPath = join(folder, 'kernels.elf');
    await writeFile(elfPath, buildGuest(kernels, (kernelMs / 1000) * TIMEBASE_HZ));
    let done = 0;
    const advance = (side: BenchSide) => () => onProgress?.({side, done: ++done, total: kernels.length * 3});
    const host = await runHost(kernels, kernelMs, signal, advance('host'));
    const machine = await runMachine(elfPath, execution, signal, advance('machine'));
    const qemu = await runQemu(elfPath, signal, environment, advance('qemu'));
    return {kernels: kernels.map((kernel) => compare(kernel, machine, host, qemu))};
  } finally {
    await rm(folder, {recursive: true, force: true});
  }
}

function compare({name, kind, title}: Kernel, machine: Times, host: Times, qemu: Times | undefined): KernelTime {
  const own = passOf(machine, name, 'the machine');
  const native = passOf(host, name, 'the host');
  const other = qemu && passOf(qemu, name, 'QEMU');
  for (const [side, pass] of [
    ['the host', native],
    ['QEMU', other],
  ] as const)
    if (pass !== undefined && pass.result !== own.result)
      throw new ManagerError(
        'machine-failed',
        `The kernel ${name} gives ${own.result} on the machine and ${pass.result} on ${side}.`,
        'This is a bug in Vivarium; please report it.',
      );
  return {
    name,
    kind,
    title,
    machineMicroseconds: own.microseconds,
    hostMicroseconds: native.microseconds,
    ...(other === undefined ? {} : {qemuMicroseconds: other.microseconds}),
  };
}

function passOf(times: Times, name: string, side: string): Pass {
  const pass = times.get(name);
  if (pass !== undefined) return pass;
  throw new ManagerError('machine-failed', `The kernel ${name} did not run on ${side}.`, 'Try again on an idle host.');
}

async function runHost(
  kernels: readonly Kernel[],
  kernelMs: number,
  signal: AbortSignal | undefined,
  advance: () => void,
): Promise<Times> {
  const functions = await buildHost(kernels);
  const times = new Map<string, Pass>();
  for (const {name} of kernels) {
    // Lets an interrupt in.
    await setImmediate();
    throwIfAborted(signal);
    const run = functions[name]!;
    let fastest = Number.POSITIVE_INFINITY;
    let result = 0n;
    const until = performance.now() + kernelMs;
    for (let began = performance.now(); began < until; ) {
      result = run();
      const ended = performance.now();
      fastest = Math.min(fastest, ended - began);
      began = ended;
    }
    times.set(name, {microseconds: fastest * 1000, result: BigInt.asUintN(64, result).toString(16).padStart(16, '0')});
    advance();
  }
  return times;
}

async function runMachine(
  elfPath: string,
  execution: Pick<AssemblyPlan, 'tier' | 'regions'>,
  signal: AbortSignal | undefined,
  advance: () => void,
): Promise<Times> {
  const lines = new GuestLines(advance);
  const timeout = AbortSignal.timeout(SIDE_MS);
  const stdout = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk);
      done();
    },
  });
  await runConsole({
    plan: {
      memoryBytes: GUEST_MEMORY_BYTES,
      hartCount: 1,
      ...execution,
      boot: {kind: 'firmware', elfPath},
      disks: [],
      size: {columns: 80, rows: 24},
    },
    stdin: undefined,
    stdout,
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
  });
  return lines.times;
}

/** Undefined where there is no QEMU. Errors: cancelled */
async function runQemu(
  elfPath: string,
  signal: AbortSignal | undefined,
  environment: NodeJS.ProcessEnv,
  advance: () => void,
): Promise<Times | undefined> {
  throwIfAborted(signal);
  const lines = new GuestLines(advance);
  const memory = `${GUEST_MEMORY_BYTES / 1024 ** 2}M`;
  const args = ['-M', 'virt', '-m', memory, '-bios', 'none', '-display', 'none', '-monitor', 'none'];
  const child = spawn(QEMU, [...args, '-serial', 'stdio', '-kernel', elfPath], {
    env: environment,
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: SIDE_MS,
    killSignal: 'SIGKILL',
  });
  const kill = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', kill, {once: true});
  try {
    child.stdout.on('data', (chunk: Buffer) => lines.push(chunk));
    const {promise, resolve} = Promise.withResolvers<boolean>();
    child.on('error', () => resolve(false));
    child.on('close', () => resolve(true));
    const isThere = await promise;
    throwIfAborted(signal);
    return isThere ? lines.times : undefined;
  } finally {
    signal?.removeEventListener('abort', kill);
  }
}

/** Reads what the guest program prints. */
class GuestLines {
  readonly times = new Map<string, Pass>();
  readonly #advance: () => void;
  #rest = '';

  constructor(advance: () => void) {
    this.#advance = advance;
  }

  push(chunk: Uint8Array): void {
    const lines = (this.#rest + Buffer.from(chunk).toString('latin1')).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const [, name, ticks, result] = /^(\w+) ([0-9a-f]{16}) ([0-9a-f]{16})/.exec(line) ?? [];
      if (name === undefined || result === undefined) continue;
      this.times.set(name, {microseconds: (Number(`0x${ticks}`) / TIMEBASE_HZ) * 1e6, result});
      this.#advance();
    }
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new ManagerError('cancelled', 'The benchmark was cancelled.', 'Nothing of it is left.');
}
