/** Natural loops of a region's graph that hold no other loop, and how registers move in them. */
import {immediate} from '../../isa/decoder.js';
import {COPY_STRIDE, type GuestGraph, type GuestOp, redirect, successorsOf} from './graph.js';
import {type OrderedBlock, orderBlocks} from './order.js';
import {effectsOf} from './registers.js';

/** A loop: all blocks from which its header is reached again, the header first. */
export interface InnerLoop {
  readonly header: OrderedBlock;
  readonly blocks: readonly OrderedBlock[];
  /** Blocks with an edge back to the header. */
  readonly latches: readonly OrderedBlock[];
}

/**
 * Gives loops that share their header with a smaller one a header of their own: a region that was entered at an inner
 * loop has all loops around it come together there, and the inner one would be lost among them.
 */
export function splitLoops(graph: GuestGraph, blocks: readonly OrderedBlock[]): GuestGraph {
  const split = new Map(graph);
  const predecessors = predecessorsOf(blocks);
  for (const header of blocks.filter(({isLoopHeader}) => isLoopHeader)) {
    const latches = latchesOf(header, predecessors);
    const bodies = latches.map((latch) => bodyOf(header, [latch], predecessors));
    const inner = bodies.reduce((least, body) => (opsOf(body) < opsOf(least) ? body : least));
    if (latches.every((latch) => inner.includes(latch))) continue;
    const {start} = header.block;
    const own = start + SPLIT * COPY_STRIDE;
    for (const {block} of inner) {
      const {ops, end} = split.get(block.start)!;
      const moved = redirect(end, (to) => (to === start ? own : to));
      const key = block === header.block ? own : block.start;
      split.set(key, {start: key, ops, end: moved});
    }
    split.set(start, {start, ops: [], end: {kind: 'fall', to: own}});
  }
  return split;
}

/** The copy that a header of two loops becomes, and that of a region's entry; above the turns of `unroll.ts`. */
const SPLIT = 16;
const PEELED = 17;

/**
 * The key to enter a graph at. Where the entry's block only falls into the header of a loop, it is the end of that loop's
 * turns, and the region gets a copy of it: else the loop would seem to begin here, and what surrounds it to lie inside.
 */
export function peelEntry(graph: GuestGraph, entry: number): {readonly graph: GuestGraph; readonly entry: number} {
  const block = graph.get(entry);
  const isHeader = (key: number) => orderBlocks(graph, entry).some((at) => at.block.start === key && at.isLoopHeader);
  if (!block || (block.end.kind !== 'fall' && block.end.kind !== 'jump')) return {graph, entry};
  if (!isHeader(entry) || !isHeader(block.end.to)) return {graph, entry};
  const key = entry + PEELED * COPY_STRIDE;
  return {graph: new Map([...graph, [key, {...block, start: key}]]), entry: key};
}

/** The loops that hold no other and that nothing enters but by the header, in the blocks' order. */
export function innerLoops(blocks: readonly OrderedBlock[]): readonly InnerLoop[] {
  const predecessors = predecessorsOf(blocks);
  return blocks
    .filter(({isLoopHeader}) => isLoopHeader)
    .map((header) => {
      const latches = latchesOf(header, predecessors);
      return {header, latches, blocks: bodyOf(header, latches, predecessors)};
    })
    .filter(({header, blocks: members}) => {
      const inner = members.filter((block) => block !== header);
      // Edges that were cut are among the terminators' targets only.
      const entered = new Set(blocks.flatMap((from) => (members.includes(from) ? [] : successorsOf(from.block.end))));
      return inner.every(({isLoopHeader, block}) => !isLoopHeader && !entered.has(block.start));
    });
}

type Predecessors = readonly (readonly OrderedBlock[])[];

function predecessorsOf(blocks: readonly OrderedBlock[]): Predecessors {
  const predecessors: OrderedBlock[][] = blocks.map(() => []);
  for (const block of blocks) for (const next of block.successors.values()) predecessors[next.index]!.push(block);
  return predecessors;
}

const latchesOf = ({index}: OrderedBlock, predecessors: Predecessors) =>
  predecessors[index]!.filter((from) => from.index >= index);

/** The header and all blocks from which some latch is reached without it. */
function bodyOf(header: OrderedBlock, latches: readonly OrderedBlock[], predecessors: Predecessors): OrderedBlock[] {
  const members = new Set([header]);
  const queue = [...latches];
  for (let block = queue.pop(); block; block = queue.pop()) {
    if (members.has(block)) continue;
    members.add(block);
    queue.push(...predecessors[block.index]!);
  }
  return [...members].sort((a, b) => a.index - b.index);
}

/** Guest ops of some blocks. */
export function opsOf(blocks: readonly OrderedBlock[]): number {
  return blocks.reduce((sum, {block}) => sum + block.ops.length, 0);
}

/** Blocks of a loop that every turn runs through. */
export function everyTurn({header, blocks, latches}: InnerLoop): ReadonlySet<OrderedBlock> {
  const avoids = (avoided: OrderedBlock) => {
    const seen = new Set([avoided]);
    const queue = [header];
    for (let block = queue.pop(); block; block = queue.pop()) {
      if (seen.has(block)) continue;
      if (latches.includes(block)) return true;
      seen.add(block);
      for (const next of block.successors.values()) if (next !== header && blocks.includes(next)) queue.push(next);
    }
    return false;
  };
  return new Set(blocks.filter((block) => block === header || !avoids(block)));
}

/** A register's value as that of a register at the loop's header, plus a constant. */
export interface Moved {
  readonly register: number;
  readonly offset: number;
}

/** What is known of each register: nothing for most. */
type Values = readonly (Moved | undefined)[];

/** How registers move in a loop. */
export interface Movement {
  /** What a register that an op reads holds, when it is a header's register plus a constant. */
  before(block: OrderedBlock, op: GuestOp, register: number): Moved | undefined;
  /** By how much a register grows in every turn: 0 for one that stays; undefined when it does anything else. */
  step(register: number): number | undefined;
}

/** Follows additions of constants through a loop. */
export function followRegisters({header, blocks, latches}: InnerLoop): Movement {
  const atHeader: Values = Array.from({length: 32}, (_, register) => ({register, offset: 0}));
  const starts = new Map<OrderedBlock, Values>([[header, atHeader]]);
  const befores = new Map<OrderedBlock, Map<GuestOp, Values>>();
  const ends = new Map<OrderedBlock, Values>();
  for (const block of blocks) {
    let values = starts.get(block) ?? [];
    const points = new Map<GuestOp, Values>();
    for (const op of block.block.ops) {
      points.set(op, values);
      values = after(op, values);
    }
    befores.set(block, points);
    ends.set(block, values);
    for (const next of block.successors.values()) {
      if (next === header) continue;
      const known = starts.get(next);
      starts.set(next, known ? known.map((value, i) => (isSame(value, values[i]) ? value : undefined)) : values);
    }
  }
  const steps = atHeader.map((_, register) => {
    const [first, ...rest] = latches.map((latch) => ends.get(latch)?.[register]);
    return first?.register === register && rest.every((value) => isSame(value, first)) ? first.offset : undefined;
  });
  return {
    before: (block, op, register) => befores.get(block)?.get(op)?.[register],
    step: (register) => steps[register],
  };
}

const isSame = (a: Moved | undefined, b: Moved | undefined) =>
  a !== undefined && a.register === b?.register && a.offset === b.offset;

/** Values behind an op. */
function after(op: GuestOp, values: Values): Values {
  const {x} = effectsOf(op).writes;
  if (x === 0) return values;
  const {bits, record} = op;
  const next = [...values];
  const source = values[(bits >>> 15) & 31];
  const second = values[(bits >>> 20) & 31];
  let value: Moved | undefined;
  if (record.name === 'addi' && source)
    value = {register: source.register, offset: source.offset + immediate('I', bits)};
  else if (record.name === 'add' && source?.register === 0) value = second;
  else if (record.name === 'add' && second?.register === 0) value = source;
  // Constants are no places in memory.
  next[(bits >>> 7) & 31] = value?.register === 0 ? undefined : value;
  return next;
}
