/**
 * Which registers a region's blocks read and write, and what follows for each point: which may differ from the hart's
 * block (dirty: an exit writes them back) and which are needed from it (live: an entry loads them).
 *
 * Sets are bit masks of the 32 x or f registers; x0 is never a member.
 */
import type {GuestOp} from './graph.js';
import type {OrderedBlock} from './order.js';

/** A set of registers. Mutable where it stands alone. */
export interface RegisterSet {
  x: number;
  f: number;
}

/** Registers that an op reads and writes. */
export interface Effects {
  readonly reads: RegisterSet;
  readonly writes: RegisterSet;
  /** True when the op may leave the region before it takes effect, with all registers written back. */
  readonly mayExit: boolean;
}

/** What is known at a block's start. */
export interface BlockRegisters {
  readonly dirtyIn: RegisterSet;
  readonly liveIn: RegisterSet;
}

const none = (): RegisterSet => ({x: 0, f: 0});

/** True when every member of `part` is one of `whole`. */
export function isWithin(part: RegisterSet, whole: RegisterSet): boolean {
  return (part.x & ~whole.x) === 0 && (part.f & ~whole.f) === 0;
}

/** The members of `whole` that are not in `part`. */
export function without(whole: RegisterSet, part: RegisterSet): RegisterSet {
  return {x: whole.x & ~part.x, f: whole.f & ~part.f};
}

/** Members of a set. */
export function sizeOf({x, f}: RegisterSet): number {
  let count = 0;
  for (let rest = x; rest !== 0; rest &= rest - 1) count++;
  for (let rest = f; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** Registers of an op's operands by its format. */
export function effectsOf({bits, record}: GuestOp): Effects {
  const reads = none();
  const writes = none();
  const add = (set: RegisterSet, file: 'x' | 'f' | 'none' | undefined, shift: number) => {
    const bit = 1 << ((bits >>> shift) & 31);
    if (file === 'f') set.f |= bit;
    else if (file !== 'none') set.x |= bit & ~1;
  };
  const {files, format} = record;
  const hasTarget = format !== 'S' && format !== 'B' && format !== 'none';
  const hasFirst = hasTarget ? !['U', 'J', 'csri'].includes(format) : format !== 'none';
  const hasSecond = ['R', 'R4', 'S', 'B'].includes(format);
  if (hasTarget) add(writes, files.rd, 7);
  if (hasFirst) add(reads, files.rs1, 15);
  if (hasSecond) add(reads, files.rs2, 20);
  if (format === 'R4') add(reads, files.rs3, 27);
  // Integer arithmetic on registers and immediates cannot leave; everything else is taken to.
  const opcode = bits & 0x7f;
  const isPlain = [0x13, 0x1b, 0x33, 0x3b, 0x37, 0x17, 0x6f, 0x67, 0x63].includes(opcode);
  return {reads, writes, mayExit: !isPlain};
}

/** True when nothing stays in locals over the block's end: a call, after which registers are loaded anew. */
export function endsClean({block}: OrderedBlock): boolean {
  return block.end.kind === 'call' || block.end.kind === 'callIndirect';
}

/** Dataflow over the ordered blocks of a region, by block index. */
export function analyseRegisters(blocks: readonly OrderedBlock[]): readonly BlockRegisters[] {
  const effects = blocks.map(({block}) => block.ops.map(effectsOf));
  const state = blocks.map(() => ({dirtyIn: none(), liveIn: none()}));
  const merge = (into: RegisterSet, from: RegisterSet): boolean => {
    const isNew = (from.x & ~into.x) !== 0 || (from.f & ~into.f) !== 0;
    into.x |= from.x;
    into.f |= from.f;
    return isNew;
  };
  const dirtyOut = blocks.map(none);
  for (let isChanged = true; isChanged; ) {
    isChanged = false;
    for (const block of blocks) {
      const out = {...state[block.index]!.dirtyIn};
      for (const {writes} of effects[block.index]!) merge(out, writes);
      dirtyOut[block.index] = out;
      if (endsClean(block)) continue;
      for (const next of block.successors.values()) if (merge(state[next.index]!.dirtyIn, out)) isChanged = true;
    }
  }
  for (let isChanged = true; isChanged; ) {
    isChanged = false;
    for (const block of blocks.toReversed()) {
      // Every way out of a block's end that leaves the region writes the dirty registers back.
      const live = {...dirtyOut[block.index]!};
      if (!endsClean(block)) for (const next of block.successors.values()) merge(live, state[next.index]!.liveIn);
      const list = effects[block.index]!;
      const dirtyAt = dirtyPoints(state[block.index]!.dirtyIn, list);
      for (let i = list.length - 1; i >= 0; i--) {
        const {reads, writes, mayExit} = list[i]!;
        live.x &= ~writes.x;
        live.f &= ~writes.f;
        merge(live, reads);
        if (mayExit) merge(live, dirtyAt[i]!);
      }
      // The poll at a loop's head and the page checks write back too.
      merge(live, state[block.index]!.dirtyIn);
      if (merge(state[block.index]!.liveIn, live)) isChanged = true;
    }
  }
  return state;
}

/** Dirty registers before each op of a block. */
export function dirtyPoints(dirtyIn: RegisterSet, effects: readonly Effects[]): readonly RegisterSet[] {
  const points: RegisterSet[] = [];
  const now = {...dirtyIn};
  for (const {writes} of effects) {
    points.push({...now});
    now.x |= writes.x;
    now.f |= writes.f;
  }
  return points;
}

/** Registers that grow dirty between two exits that do not share code. */
const STEP = 4;

/** The dirty sets of a block at which its exits share code: the one at its start, then one every few registers. */
export function exitSteps(dirtyIn: RegisterSet, ops: readonly GuestOp[]): readonly RegisterSet[] {
  const effects = ops.map(effectsOf);
  const points = dirtyPoints(dirtyIn, effects);
  const steps = [dirtyIn];
  effects.forEach(({mayExit}, i) => {
    const point = points[i]!;
    if (mayExit && sizeOf(without(point, steps.at(-1)!)) >= STEP) steps.push(point);
  });
  return steps;
}

/** Numbers of the set bits. */
export function* members(mask: number): Generator<number> {
  for (let rest = mask; rest !== 0; rest &= rest - 1) yield 31 - Math.clz32(rest & -rest);
}
