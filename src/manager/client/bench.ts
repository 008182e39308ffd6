/** What `viv bench` measures: the same kernels on a machine, on the host itself, and on QEMU. */

/** Where kernels run: our machine, the host's own processor through V8, QEMU. */
export type BenchSide = 'machine' | 'host' | 'qemu';

/** How to run. */
export interface BenchOptions {
  /** Where QEMU is looked for, and what it is started with. */
  readonly environment: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
  /** Called after each kernel on each side; without QEMU `done` stops before `total`. */
  readonly onProgress?: (progress: {readonly side: BenchSide; readonly done: number; readonly total: number}) => void;
}

/** One kernel. Units: microseconds of the fastest pass */
export interface KernelTime {
  readonly name: string;
  readonly kind: 'integer' | 'floating-point';
  readonly title: string;
  readonly machineMicroseconds: number;
  readonly hostMicroseconds: number;
  /** Missing where QEMU is not installed. */
  readonly qemuMicroseconds?: number;
}

/** All kernels. */
export interface BenchReport {
  readonly kernels: readonly KernelTime[];
}
