/**
 * Loops that hold no other are written several times over, so that one poll and one look at the TLB serve some turns:
 *
 *   guard ─pass─▶ turn 1 ─▶ … ─▶ turn n ─▶ guard      guard: the poll; then, where the accesses of the next turns through
 *     ▲ │            ▲                      │ │        registers that move by constants will go, looked up in the TLB
 *     │ fail         └────────pass──────────┘ fail     the turns that passed make those accesses without any check
 *     │ ▼                                     │        the slow turn checks every access, and fills the TLB
 *     slow turn ◀─────────────────────────────┘
 *
 * Nothing is known of a place longer than for these turns. The guard stands behind the turns once more so that no way out
 * leads from before the first one: what a turn computes and only an exit would need then dies where it is computed anew.
 * A loop without such accesses is n turns and a poll.
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
  type Terminator,
} from './graph.js';
import {everyTurn, followRegisters, type InnerLoop, innerLoops, opsOf} from './loops.js';
import type {OrderedBlock} from './order.js';
import {effectsOf} from './registers.js';

/** Ops of all turns of a loop, and the most turns. */
const MAX_OPS = 64;
const MAX_TURNS = 4;
/** Ops of a turn that only branches leave: one such turn pays by itself. */
const MAX_CLOSED_OPS = 160;
/** Bytes that one look at the TLB covers at most: wider spans meet page ends too often. */
const MAX_SPAN = 512;
/** Looks at the TLB of one guard at most. */
const MAX_PROOFS = 6;

/** Ways out of a turn up to which its words are kept as such: each way extends them. */
const MAX_WORD_EXITS = 2;

/** Code that floating point takes for one op, in integer ops. */
const FLOAT_WEIGHT = 4;

/** The graph with its inner loops unrolled; `budget` bounds the ops that come in addition. */
export function unrollLoops(graph: GuestGraph, blocks: readonly OrderedBlock[], budget: number): GuestGraph {
  const unrolled = new Map(graph);
  let left = budget;
  for (const loop of innerLoops(blocks)) {
    const weight = weightOf(loop);
    if (!isPlain(loop) || weight > MAX_CLOSED_OPS) continue;
    const turns = Math.max(1, Math.min(MAX_TURNS, Math.floor(MAX_OPS / weight)));
    const plan = planTurns(loop, turns);
    if (turns === 1 && exitsOf(loop, plan) > 0) continue;
    const ops = opsOf(loop.blocks);
    const added = plan.proofs.length > 0 ? (turns + 1) * ops : (turns - 1) * ops;
    if (added > left) continue;
    left -= added;
    for (const {block} of loop.blocks) unrolled.delete(block.start);
    for (const block of writeTurns(loop, turns, plan)) unrolled.set(block.start, block);
  }
  return unrolled;
}

/** True when a loop has only branches, and nothing that changes what addresses mean. */
function isPlain({blocks}: InnerLoop): boolean {
  return blocks.every(({block: {ops, end}}) => {
    const isDirect = end.kind === 'fall' || end.kind === 'jump' || end.kind === 'branch';
    return isDirect && ops.every(({record}) => record.format !== 'csr' && record.format !== 'csri');
  });
}

function weightOf({blocks}: InnerLoop): number {
  const ops = blocks.flatMap(({block}) => block.ops);
  return ops.reduce((sum, {record}) => sum + (record.isFloat ? FLOAT_WEIGHT : 1), 0);
}

/** Ops of a turn that passed its guard that may leave the region. */
function exitsOf({blocks}: InnerLoop, {places}: TurnPlan): number {
  const exits = blocks.map(
    (block) => block.block.ops.filter((op) => effectsOf(op).mayExit && !places[0]!.get(block)?.has(op)).length,
  );
  return exits.reduce((sum, count) => sum + count, 0);
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

function writeTurns(loop: InnerLoop, turns: number, plan: TurnPlan): GuestBlock[] {
  const {proofs, places} = plan;
  const entry = loop.header.block.start;
  const members = new Set(loop.blocks.map(({block}) => block.start));
  const copy = (number: number, next: number, proven?: TurnPlan['places'][number]) =>
    loop.blocks.map((ordered): GuestBlock => {
      const {start, ops, end} = ordered.block;
      const key = (to: number) => (to === entry ? next : members.has(to) ? to + number * COPY_STRIDE : to);
      const place = proven?.get(ordered);
      return {start: start + number * COPY_STRIDE, ops, end: redirect(end, key), ...(place ? {places: place} : {})};
    });
  const again = entry + (turns + 1) * COPY_STRIDE;
  // Turn 0 keeps its place where there is no guard before it.
  const first = proofs.length > 0 ? 1 : 0;
  const keyOf = (turn: number) => (turn < turns ? entry + (first + turn) * COPY_STRIDE : again);
  const keepsWords = exitsOf(loop, plan) <= MAX_WORD_EXITS;
  const passed = places
    .flatMap((proven, turn) => copy(first + turn, keyOf(turn + 1), proven))
    .map((block, i): GuestBlock => ({...block, keepsWords, ...(i === 0 ? {polls: false} : {})}));
  if (proofs.length === 0)
    return [...passed, {start: again, ops: [], end: {kind: 'fall', to: entry}, polls: true, keepsWords}];
  const slow = turns + 2;
  const end: Terminator = {kind: 'guard', proofs, pass: keyOf(0), fail: entry + slow * COPY_STRIDE};
  const guards: GuestBlock[] = [
    {start: entry, ops: [], end},
    {start: again, ops: [], end, polls: true, keepsWords},
  ];
  return [...guards, ...passed, ...copy(slow, entry)];
}
