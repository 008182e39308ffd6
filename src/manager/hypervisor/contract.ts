/**
 * What a hypervisor driver does for the manager. The driver knows processes, sockets and foreign APIs; it knows
 * nothing of states, clients, files of the store or names.
 */
import type {Duplex} from 'node:stream';
import type {AgentRequest} from '../agent/agent-session.js';
import type {TerminalSize} from '../protocol/console.js';
import type {Egress, EgressQuestion, EgressRule, EgressVerdict} from '../protocol/egress.js';
import type {Boot, MachineConfig, MachineVerb, Permission, PortForward, Share} from '../protocol/machine.js';
import type {CodeCounters, GuestMemoryFigures} from '../protocol/metrics.js';
import type {CaptureAnswer, CaptureRequest, NetworkStatus} from '../protocol/network.js';
import type {GuestProfile} from '../protocol/profile.js';
import type {ProcessIdentity} from '../store/process-identity.js';

/** Verbs a driver cannot do at all, each with its own reason; everything else it can. */
export interface Capabilities {
  readonly refusals: Readonly<Partial<Record<MachineVerb, Permission & {readonly isAllowed: false}>>>;
}

/** Files a machine boots from, all there and readable. */
export type BootFiles =
  | {
      readonly kind: 'linux';
      readonly kernelPath: string;
      readonly initrdPath?: string | undefined;
      readonly commandLine: string;
      /** A boot loader that starts the kernel, as an EFI program; without one it is started directly. */
      readonly loaderPath?: string | undefined;
    }
  | {readonly kind: 'disk'; readonly loaderPath: string}
  | {readonly kind: 'firmware'; readonly elfPath: string};

/** A disk: the images it is made of, top first, with absolute paths. */
export interface DiskPlan {
  readonly images: readonly {readonly path: string; readonly format: string}[];
  readonly isReadOnly: boolean;
}

/** What of a host a machine works with, and its daemon for it. */
export interface MachineParts {
  readonly disks: readonly DiskPlan[];
  readonly shares: readonly Share[];
}

/** Format of the images that snapshots put on disks. */
export const OVERLAY_FORMAT = 'qcow2';

/** An empty image that stands on what is on top of a disk (an index) now. */
export interface DiskOverlay {
  readonly disk: number;
  readonly path: string;
}

/** How to save a machine. All paths lie in the machine's folder. */
export interface SaveRequest {
  /** The new file. */
  readonly path: string;
  /** What it will be called in the end, less `.state`: later ones may stand on it. */
  readonly id: string;
  /** Files beside it that it may stand on; the driver takes those that hold what has not changed. */
  readonly keptIds: readonly string[];
  /** The disks go on over these. */
  readonly overlays: readonly DiskOverlay[];
  /** `quick` for a file that is read at once and then goes. */
  readonly packing: 'small' | 'quick';
  /** Nothing will stand on it; the next stands on what this one does. */
  readonly passes: boolean;
}

/** Everything a driver needs to start a machine. */
export interface LaunchPlan {
  readonly id: string;
  readonly name: string;
  readonly folder: string;
  readonly config: MachineConfig;
  readonly boot: BootFiles;
  readonly disks: readonly DiskPlan[];
  readonly size: TerminalSize;
  /** A file that `RunningMachine.save` wrote: the machine goes on as it was then instead of booting. */
  readonly savedPath?: string | undefined;
  /** With `savedPath`, of a state of another machine: what the guest should be called now. */
  readonly newGuestName?: string | undefined;
}

/** What was saved of a machine. Units: bytes; `touchedBytes` of RAM were ever written by the guest. */
export interface SavedMachine {
  readonly fileBytes: number;
  readonly touchedBytes: number;
  /** The files it stands on. */
  readonly sources: readonly string[];
  /** How long the guest stood still. Units: milliseconds */
  readonly pausedMs: number;
}

/** How a machine's run ended. `reason` is one sentence. */
export type MachineEnd =
  | {readonly kind: 'powered-off'; readonly status: number}
  | {readonly kind: 'crashed'; readonly reason: string};

/** What one hart has done. Units: nanoseconds not in WFI */
export interface HartCounters {
  readonly activeNs: number;
  readonly instructions: number;
}

/** Counters since the machine's start. Units: nanoseconds, bytes. `activeNs` sums the time harts were not in WFI. */
export interface RunCounters {
  readonly atMs: number;
  readonly elapsedNs: number;
  readonly activeNs: number;
  readonly instructions: number;
  readonly memoryTouchedBytes: number;
  readonly residentBytes: number;
  readonly diskReadBytes: number;
  readonly diskWrittenBytes: number;
  readonly netReceivedBytes: number;
  readonly netSentBytes: number;
  /** All of these are missing from processes of earlier versions. Packets are frames, large segments count as one. */
  readonly diskReadOperations?: number | undefined;
  readonly diskWriteOperations?: number | undefined;
  readonly netReceivedPackets?: number | undefined;
  readonly netSentPackets?: number | undefined;
  /** That harts took, of devices, timers and other harts. */
  readonly interrupts?: number | undefined;
  /** Processor time of the whole machine process. */
  readonly hostCpuNs?: number | undefined;
  readonly harts?: HartCounters[] | undefined;
  /** What the guest says of its memory; missing until it does. */
  readonly guestMemory?: GuestMemoryFigures | undefined;
  /** Missing on machines without a compiler of hot code. */
  readonly code?: CodeCounters | undefined;
}

/** A running machine on the same private switch. `address` is of IPv4. */
export interface Sibling {
  readonly name: string;
  readonly address: string;
}

/** What a running machine tells. Called one at a time. */
export interface RunListener {
  /** During `start`, before the guest runs: the process is there and must be remembered to be found again. */
  onSpawned(process: ProcessIdentity): Promise<void>;
  /** During `start`, last: all that can be wrong has been found, and the guest runs when this resolves. */
  onReady(): Promise<void>;
  /** Console bytes; `offset` counts from the run's start, gaps are bytes lost to a flood. */
  onOutput(offset: number, bytes: Uint8Array): void;
  onCounters(counters: RunCounters): void;
  onRebooted(): void;
  /** It paused by itself, because a disk of the host failed; nothing is lost, `resume` tries again. */
  onHalted(reason: string): void;
  /** Other questions of its guest wait for an answer than before: these. */
  onQuestions(questions: readonly EgressQuestion[]): void;
  /** Once, and last. */
  onEnd(end: MachineEnd): void;
}

/**
 * Why there is no connection to a port of a guest: nothing listens there, it did not answer, it has too many, it has no
 * network, or its process was started by a version that knew no streams.
 */
export const streamRefusals = ['refused', 'silent', 'too-many', 'no-network', 'no-driver', 'too-old'] as const;
/** Where a connection leads: a TCP port of the guest's network, or one of its socket device. */
export interface GuestPlace {
  readonly kind: 'tcp' | 'vsock';
  readonly port: number;
}

/** See `streamRefusals`. */
export type StreamRefusal = (typeof streamRefusals)[number];

/** A machine that has a process. Requests fail with `machine-failed` when the process is gone or does not answer. */
export interface RunningMachine {
  readonly process: ProcessIdentity;
  readonly startedAtMs: number;
  readonly isPaused: boolean;
  /** Why it is paused, when it did so by itself. */
  readonly haltReason: string | undefined;
  /** The image on top of each disk, in order. */
  readonly diskTops: readonly string[];
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Asks the guest to power off. */
  askShutdown(): Promise<void>;
  /** Asks the agent in the guest; what it answers is the guest's word. Errors: no-agent, agent-too-old, agent-failed, machine-failed */
  askAgent(request: AgentRequest): Promise<unknown>;
  /** Ends the process at once; resolves when it is gone. `onEnd` follows as powered off. */
  kill(): Promise<void>;
  /**
   * Writes RAM, harts and devices as they are at one instant into a new file in the machine's folder, and leaves the
   * disks as they are then below overlays; all of it is durable when it resolves. The guest goes on meanwhile unless it
   * was paused before. When it fails, some of the overlays may be in place: `diskTops` tells.
   * Errors: not-supported, disk-full, storage-failed, machine-failed
   */
  save(request: SaveRequest): Promise<SavedMachine>;
  /** Has a disk stand on other images below its top, that show the same. Errors: machine-failed, bad-disk */
  rechain(disk: number, images: DiskPlan['images']): Promise<void>;
  /** Adds or removes a port forward. Errors: port-in-use, bad-request, not-supported, machine-failed */
  forward(forward: PortForward, isWanted: boolean): Promise<void>;
  /** Where its guest may go from now on; what these rules deny ends. Errors: not-supported, machine-failed */
  changeEgress(egress: Egress, rules: readonly EgressRule[]): Promise<void>;
  /** Answers a question for now; false when it does not wait any more. Errors: not-supported, machine-failed */
  answerQuestion(id: string, verdict: EgressVerdict): Promise<boolean>;
  /** Its guest finds these machines by their names from now on. Errors: not-supported, machine-failed */
  tellSiblings(siblings: readonly Sibling[]): Promise<void>;
  /** See `networkStatus`. Errors: not-supported, machine-failed */
  networkStatus(): Promise<NetworkStatus>;
  /** See `networkCapture`. Errors: bad-request, not-supported, machine-failed, cancelled */
  capture(request: CaptureRequest, signal: AbortSignal): Promise<CaptureAnswer>;
  /**
   * Opens a TCP connection to a port of the guest through its user-mode network; the host listens nowhere. Each side ends
   * by itself. Errors: machine-failed, and the signal's reason
   */
  connect(place: GuestPlace, signal: AbortSignal): Promise<Duplex | StreamRefusal>;
  /** Samples where the guest spends its time; resolves after `durationMs`. */
  profile(durationMs: number, signal?: AbortSignal): Promise<GuestProfile>;
  write(bytes: Uint8Array): Promise<void>;
  resize(size: TerminalSize): Promise<void>;
  /** Lets go of the process without ending it: the daemon is about to stop. */
  release(): void;
}

/** What a saved state fits. Units: bytes */
export interface StateMake {
  readonly memoryBytes: number;
  readonly hartCount: number;
}

/** One way to run machines. */
export interface HypervisorDriver {
  readonly name: string;
  readonly capabilities: Capabilities;
  /**
   * Refuses what could never start, before it is defined. Looks at sizes and at the beginnings of files, so that it is
   * cheap; `start` may still refuse what passes.
   * Errors: bad-memory-size, bad-kernel, bad-firmware, file-not-found
   */
  check(memoryBytes: number, boot: Boot): Promise<void>;
  /**
   * Does ahead what it can of a `start` with this very plan, while the machine may still run: a start that comes soon is
   * faster, and one with another plan, or `forgetPrepared`, undoes it.
   */
  prepare?(plan: LaunchPlan): Promise<void>;
  forgetPrepared?(id: string): void;
  /**
   * Starts a machine; resolves when its guest runs. An aborted start leaves nothing.
   * Errors: bad-kernel, bad-firmware, bad-disk, bad-snapshot, not-enough-memory, machine-failed, cancelled
   */
  start(plan: LaunchPlan, listener: RunListener, signal: AbortSignal): Promise<RunningMachine>;
  /**
   * Finds a machine that an earlier daemon started, and replays its console from what its process still has. When it
   * is gone: how it ended, as far as that can be told. `parts` as far as they can still be found.
   */
  find(
    id: string,
    folder: string,
    process: ProcessIdentity,
    parts: MachineParts,
    listener: RunListener,
  ): Promise<RunningMachine | {readonly end: MachineEnd}>;
  /**
   * The bytes of a file that `RunningMachine.save` wrote, with what it has in the files that it stands on: together they
   * are a file that stands alone, here and on other hosts. All is checked on the way. `onProgress` counts parts of memory.
   * Errors: bad-snapshot, file-not-found
   */
  readState(path: string, onProgress?: (done: number, total: number) => void): AsyncIterable<Uint8Array>;
  /**
   * Refuses a file that is no state of such a machine, or does not stand alone. It may come from anywhere; memory is
   * checked when it is loaded. Errors: bad-snapshot, file-not-found
   */
  checkState(path: string, make: StateMake): Promise<void>;
}
