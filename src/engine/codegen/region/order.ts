/**
 * Dominators and loops of a region's graph, in the form that structured emission wants: blocks in reverse postorder,
 * each with its dominator-tree children; merge blocks (more than one forward edge in) and loop headers marked. Edges
 * that would make a loop with two entries are cut: they leave the region.
 * Source: Cooper, Harvey, Kennedy, "A Simple, Fast Dominance Algorithm"; Ramsey, "Beyond Relooper" (2022)
 */
import {type GuestBlock, type GuestGraph, successorsOf} from './graph.js';

/** A block's place in the order. */
export interface OrderedBlock {
  readonly block: GuestBlock;
  /** Position in reverse postorder. */
  readonly index: number;
  readonly isLoopHeader: boolean;
  readonly isMerge: boolean;
  /** Blocks that this one dominates at once, by falling index. */
  readonly children: readonly OrderedBlock[];
  /** Successors inside the region, by delta; cut edges are missing. */
  readonly successors: ReadonlyMap<number, OrderedBlock>;
}

interface Draft extends OrderedBlock {
  isLoopHeader: boolean;
  isMerge: boolean;
  children: Draft[];
  successors: Map<number, Draft>;
}

/** Blocks in reverse postorder of a walk that visits fall-through successors last, so that they follow closely. */
function reversePostorder(graph: GuestGraph, entry: number): GuestBlock[] {
  const order: GuestBlock[] = [];
  const seen = new Set<number>();
  const visit = (start: number) => {
    const block = graph.get(start);
    if (!block || seen.has(start)) return;
    seen.add(start);
    for (const next of successorsOf(block.end).toReversed()) visit(next);
    order.push(block);
  };
  visit(entry);
  return order.reverse();
}

/** Orders the blocks reachable from `entry`; the first is the entry. */
export function orderBlocks(graph: GuestGraph, entry: number): readonly OrderedBlock[] {
  const order = reversePostorder(graph, entry);
  const indexOf = new Map(order.map((block, index) => [block.start, index]));
  const edges = order.map(({end}) => successorsOf(end).flatMap((delta) => indexOf.get(delta) ?? []));
  const predecessors: number[][] = order.map(() => []);
  edges.forEach((targets, from) => {
    for (const to of targets) predecessors[to]!.push(from);
  });
  const dominator = immediateDominators(predecessors);
  const dominates = (upper: number, lower: number) => {
    let at = lower;
    while (at > upper) at = dominator[at]!;
    return at === upper;
  };
  const drafts = order.map(
    (block, index): Draft => ({
      block,
      index,
      isLoopHeader: false,
      isMerge: false,
      children: [],
      successors: new Map(),
    }),
  );
  const forwardIn = order.map(() => 0);
  edges.forEach((targets, from) => {
    for (const to of targets) {
      if (to <= from) {
        if (!dominates(to, from)) continue;
        drafts[to]!.isLoopHeader = true;
      } else forwardIn[to]!++;
      drafts[from]!.successors.set(order[to]!.start, drafts[to]!);
    }
  });
  const isTableTarget = new Set(order.flatMap(({end}) => (end.kind === 'jumpIndirect' ? end.targets : [])));
  drafts.forEach((draft, index) => {
    draft.isMerge = forwardIn[index]! > 1 || isTableTarget.has(draft.block.start);
    if (index > 0) drafts[dominator[index]!]!.children.push(draft);
  });
  for (const draft of drafts) draft.children.sort((a, b) => b.index - a.index);
  return drafts;
}

/** Immediate dominators by index in reverse postorder; the entry is its own. */
function immediateDominators(predecessors: readonly (readonly number[])[]): readonly number[] {
  const dominator: number[] = predecessors.map(() => -1);
  dominator[0] = 0;
  const meet = (a: number, b: number) => {
    let [x, y] = [a, b];
    while (x !== y) {
      while (x > y) x = dominator[x]!;
      while (y > x) y = dominator[y]!;
    }
    return x;
  };
  for (let isChanged = true; isChanged; ) {
    isChanged = false;
    for (let index = 1; index < predecessors.length; index++) {
      let best = -1;
      for (const from of predecessors[index]!) if (dominator[from] !== -1) best = best === -1 ? from : meet(from, best);
      if (best !== dominator[index]) {
        dominator[index] = best;
        isChanged = true;
      }
    }
  }
  return dominator;
}
