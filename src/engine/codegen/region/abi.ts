/**
 * How a region is called, by the interpreter and by other regions.
 *
 *   region(hart: i32, acc: i32, pc: i64, depth: i32, side: i32) → (next: i64, acc: i32)
 *
 *   hart   the hart's block; it holds all registers whenever a region is entered or left
 *   acc    instructions since the last fold, all of them retired (unlike the interpreter's, which is relative to an op)
 *   pc     virtual address of the region's entry
 *   depth  guest calls that may still nest as calls of the host
 *   side   side cells of the entry's page (see below)
 *   next   where the guest goes on. Even: anywhere a caller likes. Odd: the op at next - 1 must run in the interpreter.
 *
 * A caller that expected another `next` than it gets returns it outward unchanged: longjmp, context switches and
 * exceptions only cost the prediction. Regions live in table 0; index 0 and every index without a region hold a
 * function that returns its own pc.
 *
 * Side cells: 4 bytes for each op slot of a decoded page.
 *   +0 u16  without a region: how often the op was arrived at, times 2, plus 1 when an indirect jump went there;
 *           with a region: the op's own handler, plus 0x8000 when an indirect jump went there
 *   +2 u16  table index of the region that starts here, 0 for none
 */
import type {Signature} from '../wasm/function.js';

/** Type of every region. */
export const REGION_SIGNATURE: Signature = {params: ['i32', 'i32', 'i64', 'i32', 'i32'], results: ['i64', 'i32']};

/** Guest calls that nest before one leaves to the interpreter; bounds the host stack (see `REGION_STACK_MB`). */
export const MAX_DEPTH = 128;

/** Bytes of a side cell, and of the decoded op it stands for, as a shift between their addresses. */
export const SIDE_SHIFT = 2;
/** Offset of the table index in a side cell. */
export const SIDE_REGION = 2;
/** In the first half of a side cell with a region: an indirect jump went there; the rest is the op's own handler. */
export const SIDE_IS_TARGET = 0x8000;
/** Bytes of side cells for one byte of guest code. */
export const SIDE_PER_CODE_BYTE = 2;

/** What regions import from the interpreter's instance, besides the exact floating-point functions. */
export const REGION_IMPORTS = {
  /** (hart, address, bytes) → host address of a RAM access within a page, or -1: the interpreter must make it. */
  readAddress: {params: ['i32', 'i64', 'i32'], results: ['i32']},
  writeAddress: {params: ['i32', 'i64', 'i32'], results: ['i32']},
  /** (hart): puts the time into SCRATCH. */
  time: {params: [], results: []},
} as const satisfies Record<string, Signature>;
