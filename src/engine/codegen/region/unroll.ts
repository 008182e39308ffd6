/**
 * Loops that hold no other are written several times over, so that one poll and one look at the TLB serve some turns:
 *
 *      ┌────────── guard ◀──────────────┐      guard: the poll; then, where the accesses of the next turns through
 *      │ pass        │ fail             │      registers that move by constants will go, looked up in the TLB
 *      ▼             ▼                  │
 *   turn 1 ─▶ … ─▶ turn n ──────────────┤      the turns that passed make those accesses without any check
 *                  slow turn ───────────┘      the slow turn checks every access, and fills the TLB
 *
 * Nothing is known of a place longer than for these turns. A loop without such accesses is n turns without guard.
 */
import {immediate} from '../../isa/decoder.js';
import {accessBytes, isStore} from './access-groups.js';
import {
  COPY_STRIDE,
  type GuestBlock,
  type GuestGraph,
  type GuestOp,
  type Proof,
  type ProvenPlace,
  redirect,
} from './graph.js';
import {everyTurn, followRegisters, type InnerLoop, innerLoops, opsOf} from './loops.js';
import type {OrderedBlock} from './order.js';

/** Ops of all turns of a loop, and the most turns. */
const MAX_OPS = 64;
const MAX_TURNS = 4;
/** Bytes that one look at the TLB covers at most: wider spans meet page ends too often. */
const MAX_SPAN = 512;
/** Looks at the TLB of one guard at most. */
const MAX_PROOFS = 6;

/** Code that floating point takes for one op, in integer ops. */
const FLOAT_WEIGHT = 4;

/** The graph with its inner loops unrolled; `budget` bounds the ops that come in addition. */
export function unrollLoops(graph: GuestGraph, blocks: readonly OrderedBlock[], budget: number): GuestGraph {
  const unrolled = new Map(graph);
  let left = budget;
  for (const loop of innerLoops(blocks)) {
    const ops = opsOf(loop.blocks);
    const turns = turnsOf(loop);
    if (turns < 2) continue;
    const plan = planTurns(loop, turns);
    const added = plan.proofs.length > 0 ? (turns + 1) * ops : (turns - 1) * ops;
    if (added > left) continue;
    left -= added;
    for (const block of writeTurns(loop, turns, plan)) unrolled.set(block.start, block);
    for (const {block} of loop.blocks)
      if (plan.proofs.length > 0 && block.start !== loop.header.block.start) unrolled.delete(block.start);
  }
  return unrolled;
}

function turnsOf({blocks}: InnerLoop): number {
  const isPlain = blocks.every(({block: {ops, end}}) => {
    const isDirect = end.kind === 'fall' || end.kind === 'jump' || end.kind === 'branch';
    return isDirect && ops.every(({record}) => record.format !== 'csr' && record.format !== 'csri');
  });
  if (!isPlain) return 0;
  const weight = blocks.reduce(
    (sum, {block}) => sum + block.ops.reduce((ops, {record}) => ops + (record.isFloat ? FLOAT_WEIGHT : 1), 0),
    0,
  );
  return Math.min(MAX_TURNS, Math.floor(MAX_OPS / weight));
}

interface TurnPlan {
  readonly proofs: readonly Proof[];
  /** By turn: where the accesses of its blocks find their bytes. */
  readonly places: readonly ReadonlyMap<OrderedBlock, ReadonlyMap<GuestOp, ProvenPlace>>[];
}

/** One access in one turn. */
interface Access {
  readonly turn: number;
  readonly block: OrderedBlock;
  readonly op: GuestOp;
  readonly register: number;
  /** Relative to the register at the guard. */
  readonly from: number;
  readonly to: number;
  readonly isCertain: boolean;
}

function planTurns(loop: InnerLoop, turns: number): TurnPlan {
  const accesses = findAccesses(loop, turns).sort((a, b) => a.register - b.register || a.from - b.from);
  const clusters: Access[][] = [];
  for (const access of accesses) {
    const cluster = clusters.at(-1);
    const first = cluster?.[0];
    const end = Math.max(access.to, ...(cluster ?? []).map(({to}) => to));
    if (cluster && first && first.register === access.register && end - first.from <= MAX_SPAN) cluster.push(access);
    else clusters.push([access]);
  }
  const worthwhile = clusters.filter((cluster) => cluster.some(({isCertain}) => isCertain));
  const places = Array.from({length: turns}, () => new Map<OrderedBlock, Map<GuestOp, ProvenPlace>>());
  if (worthwhile.length > MAX_PROOFS) return {proofs: [], places};
  const proofs = worthwhile.map((cluster) => {
    const {register, from: min} = cluster[0]!;
    const proof = {
      register,
      min,
      max: Math.max(...cluster.map(({to}) => to)),
      isWrite: cluster.some(({op}) => isStore(op)),
    };
    for (const {turn, block, op, from} of cluster) {
      const known = places[turn]!.get(block) ?? new Map<GuestOp, ProvenPlace>();
      known.set(op, {proof, offset: from - min});
      places[turn]!.set(block, known);
    }
    return proof;
  });
  return {proofs, places};
}

function findAccesses(loop: InnerLoop, turns: number): Access[] {
  const movement = followRegisters(loop);
  const certain = everyTurn(loop);
  return loop.blocks.flatMap((block) =>
    block.block.ops.flatMap((op) => {
      const bytes = accessBytes(op);
      const moved = bytes === 0 ? undefined : movement.before(block, op, (op.bits >>> 15) & 31);
      const step = moved && movement.step(moved.register);
      if (!moved || moved.register === 0 || step === undefined) return [];
      const at = moved.offset + immediate(isStore(op) ? 'S' : 'I', op.bits);
      return Array.from({length: turns}, (_, turn) => ({
        turn,
        block,
        op,
        register: moved.register,
        from: at + turn * step,
        to: at + turn * step + bytes,
        isCertain: certain.has(block),
      }));
    }),
  );
}

function writeTurns(loop: InnerLoop, turns: number, {proofs, places}: TurnPlan): GuestBlock[] {
  const entry = loop.header.block.start;
  const members = new Set(loop.blocks.map(({block}) => block.start));
  const copy = (number: number, next: number, proven?: TurnPlan['places'][number]) =>
    loop.blocks.map((ordered): GuestBlock => {
      const {start, ops, end} = ordered.block;
      const key = (to: number) => (to === entry ? next : members.has(to) ? to + number * COPY_STRIDE : to);
      const place = proven?.get(ordered);
      return {start: start + number * COPY_STRIDE, ops, end: redirect(end, key), ...(place ? {places: place} : {})};
    });
  if (proofs.length === 0)
    // Turn 0 keeps its place; each goes on in the next.
    return Array.from({length: turns}, (_, turn) =>
      copy(turn, turn + 1 < turns ? entry + (turn + 1) * COPY_STRIDE : entry),
    ).flat();
  const slow = turns + 1;
  const guard: GuestBlock = {
    start: entry,
    ops: [],
    end: {kind: 'guard', proofs, pass: entry + COPY_STRIDE, fail: entry + slow * COPY_STRIDE},
  };
  const passed = places.flatMap((proven, turn) =>
    copy(turn + 1, turn + 1 < turns ? entry + (turn + 2) * COPY_STRIDE : entry, proven),
  );
  return [guard, ...passed, ...copy(slow, entry)];
}
