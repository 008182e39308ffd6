/**
 * How SBI extensions see a call and the machine. The emulator is the firmware of a directly booted kernel: an `ecall`
 * from S-mode comes here instead of to M-mode software.
 *
 * 64-bit values travel as two unsigned 32-bit halves, so that the calls a kernel makes all the time (timer, IPI,
 * remote fence) allocate nothing.
 */
import type {GuestMemory} from '../contract.js';

/** Error codes of SBI calls. Source: RISC-V SBI 2.0 table 1 */
export const SBI_SUCCESS = 0;
export const SBI_ERR_FAILED = -1;
export const SBI_ERR_NOT_SUPPORTED = -2;
export const SBI_ERR_INVALID_PARAM = -3;
export const SBI_ERR_DENIED = -4;
export const SBI_ERR_INVALID_ADDRESS = -5;
export const SBI_ERR_ALREADY_AVAILABLE = -6;
export const SBI_ERR_ALREADY_STARTED = -7;
export const SBI_ERR_ALREADY_STOPPED = -8;

/** Hart states of the HSM extension. Source: RISC-V SBI 2.0 table 9.1 */
export type SbiHartState =
  | 'started'
  | 'stopped'
  | 'start-pending'
  | 'stop-pending'
  | 'suspended'
  | 'suspend-pending'
  | 'resume-pending';

/** One call: who called and its registers. The same object may serve every call of a hart. */
export interface SbiCall {
  readonly hart: number;
  /** Extension id, low half of a7 as a signed 32-bit integer. */
  readonly extension: number;
  /** Function id, low half of a6 as a signed 32-bit integer. */
  readonly function: number;
  /** Low half of argument register `index` (0 = a0 … 5 = a5), unsigned. */
  low(index: number): number;
  /** High half of argument register `index`, unsigned. */
  high(index: number): number;
}

/**
 * What goes back to the caller; filled in anew by each call. `registers` says which of it the hart writes:
 * - `both`: a0 = error (sign-extended), a1 = value
 * - `error`: a0 only (legacy extensions, where it is the result)
 * - `none`: the host has set up the hart's state itself (it stopped, or goes on elsewhere)
 */
export interface SbiReply {
  registers: 'both' | 'error' | 'none';
  error: number;
  /** Low half of the value, any 32-bit integer. */
  valueLow: number;
  valueHigh: number;
}

/** Which extensions this machine offers, for the one that answers probes. */
export interface SbiDirectory {
  has(extension: number, host: SbiHost): boolean;
}

/** An SBI extension: which ids it answers and how. */
export interface SbiExtension {
  readonly name: string;
  readonly ids: readonly number[];
  /** False when the host lacks what the extension needs; it is then reported as not there. Default: there. */
  isAvailable?(host: SbiHost): boolean;
  /** Performs a call and returns its error code. `reply.value…` is 0 on entry, `reply.registers` is `both`. */
  call(call: SbiCall, host: SbiHost, reply: SbiReply, directory: SbiDirectory): number;
}

/** Fixed hardware counters for the PMU extension: 0 = cycle, 1 = instret of the calling hart. */
export interface SbiCounters {
  write(hart: number, counter: 0 | 1, low: number, high: number): void;
  setRunning(hart: number, counter: 0 | 1, isRunning: boolean): void;
  isRunning(hart: number, counter: 0 | 1): boolean;
}

/**
 * What the machine offers to SBI extensions. Harts are 0 … hartCount - 1 and checked before any of these is called.
 * Units: addresses in RAM are numbers (checked with `memory.contains` by the extension), opaque values bigint
 */
export interface SbiHost {
  readonly hartCount: number;
  readonly memory: GuestMemory;
  /** Values of mvendorid, marchid and mimpid, the same the CSRs have. */
  readonly vendorId: number;
  readonly architectureId: number;
  readonly implementationId: number;
  /** Absent: the PMU extension is not offered (Linux then reads the cycle and instret CSRs itself). */
  readonly counters?: SbiCounters;

  /** Clears the hart's pending STIP and sets it again at this tick of `time`; all ones means never. */
  setTimer(hart: number, low: number, high: number): void;
  /** Raises the supervisor software interrupt of a hart (SSIP). */
  sendIpi(hart: number): void;
  /** Lowers the supervisor software interrupt of a hart (legacy callers do not do it themselves). */
  clearIpi(hart: number): void;

  /** Asks a hart, possibly the calling one, to make its instruction fetches see all earlier stores. */
  remoteFenceI(hart: number): void;
  /**
   * Asks a hart to forget translations of [start, start + size); start 0 and size 0, or size all ones: everything.
   * `asid` -1 means every address space.
   */
  remoteSfence(
    hart: number,
    startLow: number,
    startHigh: number,
    sizeLow: number,
    sizeHigh: number,
    asid: number,
  ): void;
  /** Returns when every fence asked for since the last wait has been done by its hart. */
  waitForFences(caller: number): void;

  hartState(hart: number): SbiHartState;
  /** Starts a stopped hart in S-mode with translation off, a0 = hart, a1 = opaque. False when it was not stopped. */
  startHart(hart: number, address: number, opaque: bigint): boolean;
  /** Stops the calling hart, which does not return from the call. */
  stopHart(hart: number): void;
  /** Sleeps until an interrupt is pending, then returns (as `wfi`). */
  suspendHart(hart: number): void;
  /** Sleeps until an interrupt is pending; then the hart goes on as `startHart` would start it. */
  suspendHartAndResumeAt(hart: number, address: number, opaque: bigint): void;

  /** Ends or restarts the machine. The calling hart does not go on. */
  resetSystem(type: 'shutdown' | 'cold-reboot' | 'warm-reboot', isFailure: boolean): void;

  /** Shows bytes on the console; returns how many it took. */
  consoleWrite(bytes: Uint8Array<SharedArrayBuffer>): number;
  /** Takes waiting console input into `into`, without waiting; returns how many bytes there were. */
  consoleRead(into: Uint8Array<SharedArrayBuffer>): number;
  consoleWriteByte(byte: number): void;
  /** A waiting byte of console input, or -1. */
  consoleReadByte(): number;
}
