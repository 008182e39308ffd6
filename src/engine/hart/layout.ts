/**
 * One hart's block in shared memory: registers, run state and CSRs. Offsets are bytes from the block's start.
 *
 *   0x000 x0…x31      0x100 f0…f31      0x200 sink of writes to x0      0x208 scratch (16 bytes)      0x218 interrupts
 *   0x220 run state   0x280 counters    0x300 CSR slots: {value u64, write mask u64} each
 */
import {HART_BLOCK_BASE, HART_BLOCK_BYTES} from '../memory/layout.js';

export const X = 0x000;
export const F = 0x100;
/** Where writes to x0 go. */
export const SINK = 0x200;
/** Slow-path loads and stores pass their bytes here. */
export const SCRATCH = 0x208;

/** Interrupts taken, as a double: counted by the run loop, since each one ends a run of generated code. */
export const INTERRUPTS = 0x218;

/** Address of the op to run next (or running). */
export const OP = 0x220;
/** Instructions since the last fold into INSTRET, minus the sequence number of the op that was entered. */
export const ACC = 0x224;
/** First op of the current decoded page. */
export const PAGE_OPS = 0x228;
/** The hart leaves generated code at the next control transfer once ACC reaches this; i32 minimum = at once. */
export const LIMIT = 0x22c;
/** Virtual address of the current page (u64). */
export const PAGE_PC = 0x230;
/** TLB banks in force for data and for fetches (addresses). */
export const DATA_BANK = 0x238;
export const EXEC_BANK = 0x23c;
/** Host address of the LR reservation, -1 when none, and the value that was read (u64). */
export const RESERVED_AT = 0x240;
export const RESERVED_VALUE = 0x248;
/** frm << 5 | fflags. */
export const FCSR = 0x250;
/**
 * mip as one atomic word; devices and other harts set bits in it. Bits 25 and 27 repeat SEIP and MEIP as far as a device
 * holds them up, bit 28 is SEIP as far as software does (mip shows both as one bit).
 */
export const PENDING = 0x254;
export const EXTERNAL_SHIFT = 16;
export const SOFTWARE_SEIP = 1 << 28;
/** Counted up and notified to end a WFI. */
export const WAKE = 0x258;
/** Requests of other threads (see `HartRequest`), one bit each. */
export const REQUESTS = 0x25c;
/** 0 U, 1 S, 3 M. */
export const PRIVILEGE = 0x260;
/** Bit n set: cbo.zero is allowed in privilege n. */
export const ZERO_BLOCK_ALLOWED = 0x264;
/** HSM state as SBI numbers it: 0 started, 1 stopped, 2 start pending, 4 suspended. */
export const HSM_STATE = 0x268;
/** Start address and opaque value of a pending HSM start (u64 each). */
export const START_ADDRESS = 0x270;
export const START_OPAQUE = 0x278;

/** Instructions retired, as a double (exact below 2^53). */
export const INSTRET = 0x280;
/** Nanoseconds asleep in WFI or stopped, as a double. */
export const IDLE_NS = 0x288;
/** Host time at which the present sleep began, in nanoseconds, 0 when awake; a double. */
export const IDLE_SINCE = 0x290;
/** Supervisor and machine timer deadlines in ticks, as doubles (Infinity: never). */
export const STIMECMP = 0x298;
export const MTIMECMP = 0x2a0;
/** Counted up each time the hart is between two instructions with nothing under way (i32, atomic). */
export const BOUNDARY = 0x2a8;
/**
 * Addresses of the TLB banks by what an access may see: bare M, S, S with SUM, U. DATA_BANK and EXEC_BANK are one of
 * them; whoever changes privilege or SUM copies, and only a change of address space changes these cells.
 */
export const BANK = {machine: 0x2b0, supervisor: 0x2b4, supervisorWithUser: 0x2b8, user: 0x2bc} as const;
/** Bits of `TlbFlag`. */
export const TLB_FLAGS = 0x2c0;
/** Guest page (index) whose every store is reported, -1 when none. */
export const WATCHED_PAGE = 0x2c4;
/**
 * RAM pages that PMP leaves alone for S and U, and for M: the first one's index and their count (u32 each). What lies
 * outside may still be allowed; generated code leaves it to the runtime.
 */
export const FREE_PAGES = {supervisor: 0x2c8, machine: 0x2d0} as const;

/** Not 0 when the access that generated code could not make is a page fault (i32). */
export const PAGE_FAULT = 0x2d8;
/** Address of the op that goes to a new pc (see `Hart.setPc`). */
export const ENTRY_OP = 0x2dc;
/** Traps until the hart leaves generated code although nothing retires (i32). */
export const TRAPS_LEFT = 0x2e0;
/** What turns the address of a decoded op, shifted right by SIDE_SHIFT, into that of its side cell (see `codegen/region/abi.ts`). */
export const SIDE_BASE = 0x2e4;
/** Twice the number of arrivals that make an op hot. */
export const HEAT_LIMIT = 0x2e8;
/** Instructions retired inside regions (u64). */
export const REGION_INSTRET = 0x2f0;
/** Count of writes to code (CODE_WRITES) at which a fence.i has nothing to do. */
export const SEEN_WRITES = 0x2f8;

/** One more than the guest page (index) that the hart waits to write, 0 when it waits for none (i32, atomic). */
export const WANTED_PAGE = 0x2fc;

/** CSR slots: value at CSRS + 16·slot, write mask 8 bytes behind it. */
export const CSRS = 0x300;
export const CSR_SLOT_BYTES = 16;
/** Slots that fit in the block. */
export const MAX_CSR_SLOTS = (HART_BLOCK_BYTES - CSRS) / CSR_SLOT_BYTES;

/** Offset of the sequence number in a decoded op. */
export const OP_SEQUENCE = 12;

/** Address of a hart's block. */
export function hartBlock(hart: number): number {
  return HART_BLOCK_BASE + hart * HART_BLOCK_BYTES;
}

/** What the TLBs hold. */
export const TlbFlag = {
  /** The supervisor bank has pages that belong to one address space. */
  localSupervisor: 1,
  /** Shifted left by 1 to 4: there are entries of superpages of that level. */
  superpages: 2,
} as const;

/** Bits of REQUESTS. */
export const HartRequest = {
  /** Drop all translations. */
  flushTlb: 1,
  /** Drop decoded code of pages written since it was decoded. */
  fenceI: 2,
  /** Stop at the next boundary until `resume`. */
  pause: 4,
  /** Leave the run loop for good. */
  stop: 8,
  /** The region compiler has sent something. */
  regions: 16,
  /** Drop the translations that the fence box says (see `mmu/fence-box.ts`). */
  fencePages: 32,
  /** Look again whether all of RAM is there (see `memory/absent-pages.ts`). */
  presence: 64,
} as const;

/** The requests that a hart which waits for others must serve too. */
export const FENCE_REQUESTS = HartRequest.flushTlb | HartRequest.fenceI | HartRequest.fencePages;
