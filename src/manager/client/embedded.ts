/**
 * Machines inside the calling process: no daemon, nothing left behind. The emulator is only loaded when this is
 * opened, so that commands that do not need it start fast.
 */
import type {Readable, Writable} from 'node:stream';
import type {Check} from '../protocol/daemon.js';
import type {Job} from '../protocol/job.js';
import type {DiskFormat, Network, Share, Tier} from '../protocol/machine.js';
import type {BenchOptions, BenchReport} from './bench.js';
import type {DiskTools} from './disk-tools.js';
import type {SymbolTable} from './symbols.js';

/** How guest code runs; what is left out stands in the settings. */
export interface ExecutionOptions {
  readonly tier?: Tier;
  /** Arrivals that make code hot. */
  readonly hotThreshold?: number;
}

/** What to run in a throwaway machine of an image. */
export interface RunImageOptions extends ExecutionOptions {
  readonly image: string;
  /** Program and arguments; empty for an interactive shell on the console (`stdin`/`stdout` are then a terminal). */
  readonly command: readonly string[];
  /** Units: bytes. Default: `machines.defaultMemoryBytes` of configs/daemon.json. */
  readonly memoryBytes?: number;
  readonly hartCount?: number;
  /** Images that are there. What the guest writes stays in them. A format that is left out is raw. */
  readonly disks?: readonly {readonly path: string; readonly format?: DiskFormat; readonly isReadOnly: boolean}[];
  /** The default one when left out. */
  readonly network?: Network;
  /** Folders of the host that the guest sees. */
  readonly shares?: readonly Share[];
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Size of the caller's terminal and its changes, for the interactive shell. */
  readonly terminal?: {
    readonly columns: number;
    readonly rows: number;
    onResize(listener: (columns: number, rows: number) => void): void;
  };
  /** Ends the machine; the run then fails with code `cancelled`. */
  readonly signal?: AbortSignal;
  /** Called while the image is being built, when it is not there yet. */
  readonly onProgress?: (job: Job) => void;
}

/** A bare-metal program to run in M-mode. */
export interface RunFirmwareOptions extends ExecutionOptions {
  readonly elfPath: string;
  /** Units: bytes. */
  readonly memoryBytes: number;
  /** Where to write the words between `begin_signature` and `end_signature`. */
  readonly signaturePath?: string;
  /** Bytes on one line of the signature file: 4, 8 or 16 (Spike's default). */
  readonly signatureGranularity?: 4 | 8 | 16;
  readonly stdin?: Readable;
  readonly stdout: Writable;
  readonly signal?: AbortSignal;
}

/** The manager in the calling process. */
export interface Embedded {
  /** Boots, runs, discards. Resolves with the exit status. Errors: image-…, not-enough-memory, machine-failed, cancelled */
  runImage(options: RunImageOptions): Promise<number>;
  /** Runs to power-off. Resolves with the exit status. Errors: bad-firmware, file-not-found, machine-failed, cancelled */
  runFirmware(options: RunFirmwareOptions): Promise<number>;
  /** Disk images as files. */
  readonly disks: DiskTools;
  /** The checks of `viv doctor`. */
  doctor(): Promise<readonly Check[]>;
  /** Reads names of guest code for `viv top`. Errors: file-not-found, bad-firmware, bad-request (no symbols) */
  readSymbols(path: string): Promise<SymbolTable>;
  /** Measures kernels for some ten seconds. Errors: machine-failed (also: a kernel's results differ), cancelled */
  bench(options: Omit<BenchOptions, 'environment'>): Promise<BenchReport>;
}

/** Loads the emulator into this process. */
export async function openEmbedded(): Promise<Embedded> {
  const {createEmbedded} = await import('../embedded.js');
  return createEmbedded();
}
