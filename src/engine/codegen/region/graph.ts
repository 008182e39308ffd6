/**
 * The guest code of a region as a graph of basic blocks, found from one entry by following direct control flow.
 *
 * Addresses are *deltas*: bytes from the start of the page of the region's entry, negative for pages before it. Deltas
 * are virtual; which guest page stands behind them is the reader's knowledge, and the region checks it when entered.
 */
import {type Decoder, immediate, isLong} from '../../isa/decoder.js';
import type {Instruction} from '../../isa/instruction.js';

/** What discovery knows of guest memory. */
export interface CodeReader {
  /** 16 bits of code at a delta, or -1 where no page is known. */
  half(delta: number): number;
  /** True when the code at a delta is worth including (it ran before). */
  isWanted(delta: number): boolean;
  /** True when an indirect jump has gone to this delta. */
  isJumpTarget(delta: number): boolean;
}

/** One instruction of a block. */
export interface GuestOp {
  readonly delta: number;
  readonly length: 2 | 4;
  /** Its 32-bit form. */
  readonly bits: number;
  readonly record: Instruction;
}

/**
 * How a block ends; all targets are deltas, or keys of copies (see `unroll.ts`). `call`: the link register is written by
 * the last op. `guard`: goes on at `pass` when all proofs succeed. `interpret`: the op at `at` is the interpreter's.
 */
export type Terminator =
  | {readonly kind: 'fall'; readonly to: number}
  | {readonly kind: 'branch'; readonly taken: number; readonly next: number}
  | {readonly kind: 'jump'; readonly to: number}
  | {readonly kind: 'guard'; readonly proofs: readonly Proof[]; readonly pass: number; readonly fail: number}
  | {readonly kind: 'call'; readonly to: number; readonly next: number}
  | {readonly kind: 'callIndirect'; readonly next: number}
  | {readonly kind: 'jumpIndirect'; readonly targets: readonly number[]}
  | {readonly kind: 'return'}
  | {readonly kind: 'interpret'; readonly at: number};

/** Memory around a register's value that one look at the TLB proves to be there. Units: bytes from that value. */
export interface Proof {
  readonly register: number;
  readonly min: number;
  /** End of the last byte. */
  readonly max: number;
  readonly isWrite: boolean;
}

/** Where an access finds its bytes: so far behind the start of what was proven. */
export interface ProvenPlace {
  readonly proof: Proof;
  readonly offset: number;
}

/** A basic block: its ops, the terminator's included where that is an instruction. */
export interface GuestBlock {
  readonly start: number;
  readonly ops: readonly GuestOp[];
  readonly end: Terminator;
  /** Accesses whose place a guard has proven. */
  readonly places?: ReadonlyMap<GuestOp, ProvenPlace>;
  /** Whether the block begins with a poll; without it loop headers do. */
  readonly polls?: boolean;
  /** Results of 32-bit operations stay words here (see `integers.ts`); ways out then cost more. */
  readonly keepsWords?: boolean;
}

/** Bounds of one region. */
export interface GraphLimits {
  readonly maxOps: number;
  /** Most targets of an indirect jump that are followed. */
  readonly maxJumpTargets: number;
}

/** Blocks by start; targets that are no key are outside the region. */
export type GuestGraph = ReadonlyMap<number, GuestBlock>;

const PAGE = 4096;
/** How far from an indirect jump its targets are looked for, in bytes either way. */
const JUMP_REACH = 2 * PAGE;

const isLink = (register: number) => register === 1 || register === 5;

/** The target of `auipc` followed by `jalr` through the same register: a call or jump of any distance. */
function farTarget(op: GuestOp, previous: GuestOp | undefined): number | undefined {
  if (previous?.record.name !== 'auipc') return undefined;
  if (((previous.bits >>> 7) & 31) !== ((op.bits >>> 15) & 31)) return undefined;
  return previous.delta + immediate('U', previous.bits) + ((op.bits >> 20) & -2);
}

/** Distance between the keys of a block's copies; far more than deltas reach. */
export const COPY_STRIDE = 2 ** 24;

/** The delta that a key stands for: of a block, or of one of its copies. */
export function deltaOf(key: number): number {
  return key - Math.round(key / COPY_STRIDE) * COPY_STRIDE;
}

/** What an op does to control flow; undefined when it falls through. */
function terminatorOf(op: GuestOp, previous: GuestOp | undefined): Terminator | undefined {
  const {record, bits, delta} = op;
  const next = delta + op.length;
  const rd = (bits >>> 7) & 31;
  switch (record.name) {
    case 'jal': {
      const to = delta + immediate('J', bits);
      return isLink(rd) ? {kind: 'call', to, next} : {kind: 'jump', to};
    }
    case 'jalr': {
      const rs1 = (bits >>> 15) & 31;
      const far = farTarget(op, previous);
      if (isLink(rd)) return far === undefined ? {kind: 'callIndirect', next} : {kind: 'call', to: far, next};
      if (far !== undefined && rd === 0) return {kind: 'jump', to: far};
      return isLink(rs1) ? {kind: 'return'} : {kind: 'jumpIndirect', targets: []};
    }
  }
  if (record.format === 'B') return {kind: 'branch', taken: delta + immediate('B', bits), next};
  return record.endsBlock ? {kind: 'interpret', at: delta} : undefined;
}

/** Direct successors of a terminator, the one that falls through first. */
export function successorsOf(end: Terminator): readonly number[] {
  switch (end.kind) {
    case 'fall':
    case 'jump':
      return [end.to];
    case 'branch':
      return end.taken === end.next ? [end.next] : [end.next, end.taken];
    case 'guard':
      return [end.pass, end.fail];
    case 'call':
    case 'callIndirect':
      return [end.next];
    case 'jumpIndirect':
      return end.targets;
    case 'return':
    case 'interpret':
      return [];
  }
}

/** A terminator with its targets changed. */
export function redirect(end: Terminator, key: (to: number) => number): Terminator {
  switch (end.kind) {
    case 'fall':
    case 'jump':
      return {...end, to: key(end.to)};
    case 'branch':
      return {...end, taken: key(end.taken), next: key(end.next)};
    case 'guard':
      return {...end, pass: key(end.pass), fail: key(end.fail)};
    case 'call':
    case 'callIndirect':
      return {...end, next: key(end.next)};
    case 'jumpIndirect':
      return {...end, targets: end.targets.map(key)};
    case 'return':
    case 'interpret':
      return end;
  }
}

/** Explores code from an entry. */
class Explorer {
  readonly ops = new Map<number, {readonly op: GuestOp; readonly end: Terminator | undefined}>();
  readonly leaders = new Set<number>();
  readonly #decoder: Decoder;
  readonly #reader: CodeReader;
  readonly #limits: GraphLimits;
  readonly #queue: number[] = [];

  constructor(decoder: Decoder, reader: CodeReader, limits: GraphLimits) {
    this.#decoder = decoder;
    this.#reader = reader;
    this.#limits = limits;
  }

  explore(entry: number): void {
    this.#lead(entry, true);
    for (let start = this.#queue.shift(); start !== undefined; start = this.#queue.shift()) this.#walk(start);
  }

  #lead(delta: number, isCertain: boolean): void {
    if (this.leaders.has(delta) || !(isCertain || this.#reader.isWanted(delta))) return;
    this.leaders.add(delta);
    this.#queue.push(delta);
  }

  #walk(start: number): void {
    let delta = start;
    let previous: GuestOp | undefined;
    while (!this.ops.has(delta) && this.ops.size < this.#limits.maxOps) {
      const op = this.#decode(delta);
      if (!op || (delta !== start && !this.#reader.isWanted(delta))) return;
      let end = terminatorOf(op, previous);
      if (end?.kind === 'jumpIndirect') end = {kind: 'jumpIndirect', targets: this.#jumpTargets(delta)};
      this.ops.set(delta, {op, end});
      if (end) {
        for (const next of successorsOf(end)) this.#lead(next, false);
        return;
      }
      previous = op;
      delta += op.length;
    }
  }

  #jumpTargets(delta: number): readonly number[] {
    const targets: number[] = [];
    for (let at = delta - JUMP_REACH; at < delta + JUMP_REACH; at += 2) {
      if (targets.length < this.#limits.maxJumpTargets && this.#reader.isJumpTarget(at)) targets.push(at);
    }
    return targets;
  }

  #decode(delta: number): GuestOp | undefined {
    const half = this.#reader.half(delta);
    if (half < 0) return undefined;
    let bits = half;
    if (isLong(half)) {
      const upper = this.#reader.half(delta + 2);
      if (upper < 0) return undefined;
      bits = (half | (upper << 16)) >>> 0;
    }
    const long = isLong(half) ? bits : this.#decoder.expand(half);
    const index = long === 0 ? -1 : this.#decoder.find(long);
    const record = index < 0 ? undefined : this.#decoder.instructions[index];
    const rounding = (long >>> 12) & 7;
    if (!record || (record.hasRounding && (rounding === 5 || rounding === 6))) return undefined;
    return {delta, length: isLong(half) ? 4 : 2, bits: long, record};
  }
}

/** Finds the blocks reachable from `entry` (a delta); empty when nothing there can be translated. */
export function discover(decoder: Decoder, reader: CodeReader, entry: number, limits: GraphLimits): GuestGraph {
  const explorer = new Explorer(decoder, reader, limits);
  explorer.explore(entry);
  const blocks = new Map<number, GuestBlock>();
  for (const start of explorer.leaders) {
    const ops: GuestOp[] = [];
    let delta = start;
    let end: Terminator | undefined;
    while (!end) {
      const found = explorer.ops.get(delta);
      if (!found || (delta !== start && explorer.leaders.has(delta))) end = {kind: 'fall', to: delta};
      else {
        // An op that the interpreter runs is not the region's.
        if (found.end?.kind !== 'interpret') ops.push(found.op);
        end = found.end;
        delta += found.op.length;
      }
    }
    // A leader whose op could not be decoded is outside.
    if (ops.length > 0 || end.kind === 'interpret') blocks.set(start, {start, ops, end});
  }
  return blocks;
}
