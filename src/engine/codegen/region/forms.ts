/**
 * In which form (see `floats.ts`) each f register is where the blocks of a region begin, and where it is known that
 * floating point is not barred.
 *
 * Sets are bit masks of the 32 f registers; a register in neither set is raw.
 */
import type {GuestOp} from './graph.js';
import type {OrderedBlock} from './order.js';
import {effectsOf, endsClean} from './registers.js';

/** Registers by form; no register is in both sets. */
export interface FloatForms {
  readonly both: number;
  readonly single: number;
}

/** What is known at a block's start. */
export interface BlockForms {
  readonly forms: FloatForms;
  /** A floating-point op was passed on every way here, with nothing since that could bar the next one. */
  readonly isOpen: boolean;
  /** Registers that may be read as singles before they are written. */
  readonly readAsSingles: number;
}

interface State {
  both: number;
  single: number;
  isOpen: boolean;
}

/** The weaker of two states: what holds whichever way control came. Where only one has a boxed single, it is made raw. */
function meet(a: State, b: State): State {
  const hasShort = (a.both | a.single) & (b.both | b.single);
  const single = a.single & b.single;
  return {both: hasShort & ~single, single, isOpen: a.isOpen && b.isOpen};
}

function step(state: State, op: GuestOp): void {
  const {record} = op;
  const {reads, writes} = effectsOf(op);
  if (record.isFloat) state.isOpen = true;
  if (record.format === 'csr' || record.format === 'csri') state.isOpen = false;
  if (record.readsSingles) state.both |= reads.f & ~state.single;
  state.both &= ~writes.f;
  if (record.writesSingle) state.single |= writes.f;
  else state.single &= ~writes.f;
}

/** Forms for the ordered blocks of a region, by block index. */
export function analyseForms(blocks: readonly OrderedBlock[]): readonly BlockForms[] {
  const readAsSingles = analyseReads(blocks);
  // What a call or the region's entry leaves: registers loaded from the hart's block.
  const loaded = (index: number): State => ({both: readAsSingles[index]!, single: 0, isOpen: false});
  const states: (State | undefined)[] = blocks.map(() => undefined);
  states[0] = loaded(0);
  for (let isChanged = true; isChanged; ) {
    isChanged = false;
    for (const block of blocks) {
      const before = states[block.index];
      if (!before) continue;
      const after = {...before};
      for (const op of block.block.ops) step(after, op);
      for (const next of block.successors.values()) {
        const arriving = endsClean(block) ? loaded(next.index) : after;
        const known = states[next.index];
        const met = known ? meet(known, arriving) : {...arriving};
        if (known && known.both === met.both && known.single === met.single && known.isOpen === met.isOpen) continue;
        states[next.index] = met;
        isChanged = true;
      }
    }
  }
  return blocks.map(({index}) => {
    const {both, single, isOpen} = states[index] ?? loaded(index);
    return {forms: {both, single}, isOpen, readAsSingles: readAsSingles[index]!};
  });
}

function analyseReads(blocks: readonly OrderedBlock[]): readonly number[] {
  const read = blocks.map(() => 0);
  for (let isChanged = true; isChanged; ) {
    isChanged = false;
    for (const block of blocks.toReversed()) {
      let live = 0;
      if (!endsClean(block)) for (const next of block.successors.values()) live |= read[next.index]!;
      for (const op of block.block.ops.toReversed()) {
        const {reads, writes} = effectsOf(op);
        live &= ~writes.f;
        if (op.record.readsSingles) live |= reads.f;
      }
      if (live === read[block.index]) continue;
      read[block.index] = live;
      isChanged = true;
    }
  }
  return read;
}
