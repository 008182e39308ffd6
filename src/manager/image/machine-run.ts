/** How image builds have a machine run to its end: made by whoever puts the parts together, since drivers know of images. */

/** A machine that makes a disk and powers itself off. Paths are absolute. */
export interface RunRequest {
  /** An existing, empty folder for what the machine's process keeps. */
  readonly folder: string;
  readonly name: string;
  readonly kernelPath: string;
  readonly initrdPath: string;
  readonly commandLine: string;
  /** Units: bytes */
  readonly memoryBytes: number;
  /** Its first disk, which is made for it. Units: bytes */
  readonly newDisk: {readonly path: string; readonly sizeBytes: number};
  /** Others, which it reads. */
  readonly disks: readonly {readonly path: string; readonly format: 'raw' | 'qcow2'}[];
  readonly signal: AbortSignal | undefined;
  /** What it writes to its console. */
  readonly onOutput: (bytes: Uint8Array) => void;
}

/** How it ended; `reason` is one sentence. */
export type RunEnd = {readonly kind: 'powered-off'} | {readonly kind: 'crashed'; readonly reason: string};

/** Resolves when the machine has ended and its process is gone. Errors: cancelled, not-enough-memory, machine-failed */
export type MachineRun = (request: RunRequest) => Promise<RunEnd>;
