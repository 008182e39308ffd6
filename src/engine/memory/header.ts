/**
 * The machine's header page: what all threads agree on. Offsets are bytes from the start of memory.
 *
 *   0x00 run state (i32, atomic)            0x04 attention (i32, atomic: counts doorbells, notified)
 *   0x08 harts standing still (i32, atomic)     0x0c exit kind (i32)      0x10 exit status (i32)
 *   0x14 touched pages (i32, atomic)        0x18 clock offset in ns (f64)   0x20 clock stopped at, ns (f64, <0 runs)
 *   0x28 writes to pages with code (i32)    0x2c listeners to samples (i32, atomic)
 *   0x30 regions, 0x34 bytes of regions (i32)   0x38 ns spent compiling (f64)
 *   0x40 doorbell words: one bit per device, then completion counters   0x44 thawed pages (i32, atomic: counted, notified)
 *   0x48 a hart wants the region compiler (i32, atomic)     0x4c pages are absent (i32, atomic)
 */

/** 0 running, 1 paused, 2 ended. Harts wait on this cell while it is 1. */
export const RUN_STATE = 0x00;
export const RUNNING = 0;
export const PAUSED = 1;
export const ENDED = 2;
/** Counted up and notified by every doorbell. */
export const ATTENTION = 0x04;
/** Harts parked because of PAUSED, or out of their loop for good. */
export const PARKED = 0x08;
/** 0 none, 1 power off, 2 reboot, 3 fault (the message follows over the worker's channel). */
export const EXIT_KIND = 0x0c;
export const EXIT_STATUS = 0x10;
/** Guest pages written at least once. */
export const TOUCHED_PAGES = 0x14;
/** Guest time = host monotonic time - CLOCK_OFFSET, unless CLOCK_STOPPED is not negative: then that. */
export const CLOCK_OFFSET = 0x18;
export const CLOCK_STOPPED = 0x20;
/** Counts marked writes to pages with decoded code; `fence.i` has nothing to do while it stands still. */
export const CODE_WRITES = 0x28;
/** What the region compiler has made: regions and bytes of modules that exist (i32), nanoseconds spent (f64). */
export const COMPILED_REGIONS = 0x30;
export const COMPILED_BYTES = 0x34;
export const COMPILE_NS = 0x38;
/** Harts leave samples of their pc while this is not 0 (see `hart/samples.ts`). */
export const SAMPLING = 0x2c;
/** Counted up and notified when frozen pages may be written again, or absent ones are there (see `freezer.ts`). */
export const THAWED = 0x44;
/** 1 once a hart has asked for a region (see `compiler/thread.ts`). */
export const COMPILER_WANTED = 0x48;
/** 1 while some of RAM is not there yet (see `absent-pages.ts`). */
export const RAM_ABSENT = 0x4c;
/** Doorbell bits of devices 0…31 (i32, atomic). */
export const DOORBELLS = 0x40;
/** Per device: rings asked for and rings served (i32 pairs), for `ringAndWait`. */
export const DOORBELL_COUNTS = 0x80;
/** Per device: the bus lock (i32), 0 free. */
export const DEVICE_LOCKS = 0x200;
/** Most devices of one machine; bounds the words above. */
export const MAX_DEVICES = 32;
