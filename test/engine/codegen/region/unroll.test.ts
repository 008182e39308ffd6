import {describe, expect, it} from 'vitest';
import {deltaOf, discover, type GuestGraph, type Proof} from '../../../../src/engine/codegen/region/graph.js';
import {innerLoops, splitLoops} from '../../../../src/engine/codegen/region/loops.js';
import {orderBlocks} from '../../../../src/engine/codegen/region/order.js';
import {unrollLoops} from '../../../../src/engine/codegen/region/unroll.js';
import {Decoder} from '../../../../src/engine/isa/decoder.js';
import {instructions} from '../../../../src/engine/isa/instructions.js';
import {Assembler} from '../../../support/assembler.js';
import {assembleText} from '../../../support/assembly-text.js';

const decoder = new Decoder(instructions);
const [S1, S2] = [9, 18];

/** The graph of a program from its label `entry` on. */
function graphOf(text: string): {readonly graph: GuestGraph; readonly entry: number} {
  const a = new Assembler(0);
  assembleText(a, text);
  const entry = a.addressOf('entry');
  const view = new DataView(Uint8Array.from(a.finish()).buffer);
  const half = (delta: number) => (delta >= 0 && delta < view.byteLength ? view.getUint16(delta, true) : -1);
  const reader = {half, isWanted: () => true, isJumpTarget: () => false};
  return {graph: discover(decoder, reader, entry, {maxOps: 600, maxJumpTargets: 16}), entry};
}

function unrolled(text: string, budget = 600) {
  const {graph, entry} = graphOf(text);
  const split = splitLoops(graph, orderBlocks(graph, entry));
  const blocks = orderBlocks(unrollLoops(split, orderBlocks(split, entry), budget), entry);
  const proofs = new Set(
    blocks.flatMap(({block}): readonly Proof[] => (block.end.kind === 'guard' ? block.end.proofs : [])),
  );
  const copiesOf = (delta: number) => blocks.filter(({block}) => block.ops[0]?.delta === delta);
  return {blocks, proofs: [...proofs], copiesOf};
}

describe('a loop that copies', () => {
  const copy = `
    entry: ld a0, 0(s1)
    sd a0, 8(s2)
    addi s1, s1, 8
    addi s2, s2, 16
    bne s1, s3, entry
    ret`;

  it('makes four turns behind one guard, and slow ones where that fails', () => {
    const {blocks, proofs, copiesOf} = unrolled(copy);
    expect(proofs).toEqual([
      {register: S1, min: 0, max: 32, isWrite: false},
      {register: S2, min: 8, max: 64, isWrite: true},
    ]);
    const [first, second, third, fourth, slow] = copiesOf(0);
    const offsets = [first, second, third, fourth].map((turn) =>
      [...turn!.block.places!.values()].map((at) => at.offset),
    );
    expect(offsets).toEqual([
      [0, 0],
      [8, 16],
      [16, 32],
      [24, 48],
    ]);
    expect(slow!.block.places).toBeUndefined();
    // The guard is a header for the slow turn's sake; the turns have their own, and its poll is that behind them.
    const headers = blocks.filter(({isLoopHeader}) => isLoopHeader);
    expect(headers.map(({block}) => [block.end.kind, block.polls])).toEqual([
      ['guard', undefined],
      ['branch', false],
    ]);
    expect(blocks.filter(({block}) => block.polls).map(({block}) => block.end.kind)).toEqual(['guard']);
  });

  it('in long turns is written once, when its accesses are known ahead', () => {
    const filler = (last: string) =>
      copy.replace('addi s1, s1, 8', `addi s1, s1, 8\n${'xor a0, a0, s1\n'.repeat(70)}${last}`);
    expect(unrolled(filler('')).copiesOf(0)).toHaveLength(2);
    expect(unrolled(filler('ld a1, 0(a0)')).copiesOf(0)).toHaveLength(1);
  });

  it('is left alone where the budget is too small', () => {
    expect(unrolled(copy, 24).copiesOf(0)).toHaveLength(1);
  });
});

it('a loop without accesses that are known ahead makes its turns without a guard', () => {
  const {proofs, copiesOf} = unrolled(`
    entry: ld s1, 0(s1)
    bnez s1, entry
    ret`);
  expect([proofs, copiesOf(0).length]).toEqual([[], 4]);
});

it('places far apart are looked up one by one', () => {
  const {proofs} = unrolled(`
    entry: ld a0, 0(s1)
    addi s1, s1, 1024
    add a1, a1, a0
    bne s1, s2, entry
    ret`);
  expect(proofs.map(({min, max}) => [min, max])).toEqual([
    [0, 8],
    [1024, 1032],
    [2048, 2056],
    [3072, 3080],
  ]);
});

it('what only some turns access is proven only together with what all do', () => {
  const text = (base: string) => `
    entry: ld a0, 0(s1)
    bnez a0, skip
    sd a0, 16(${base})
    skip: addi s1, s1, 8
    bne s1, s3, entry
    ret`;
  expect(unrolled(text('s1')).proofs).toEqual([{register: S1, min: 0, max: 48, isWrite: true}]);
  expect(unrolled(text('s2')).proofs).toEqual([{register: S1, min: 0, max: 32, isWrite: false}]);
});

it.each([
  ['is loaded', 'ld s1, 8(s1)'],
  ['grows by a register', 'add s1, s1, a1'],
  ['grows by something else on another way', 'bnez a0, skip\naddi s1, s1, 8\nskip: addi s1, s1, 8'],
])('a base that %s is not known ahead', (_name, change) => {
  const {proofs} = unrolled(`
    entry: ld a0, 0(s1)
    ${change}
    bne s1, s3, entry
    ret`);
  expect(proofs).toEqual([]);
});

it.each([
  ['a call', 'jal ra, far'],
  ['a CSR', 'csrr a1, sstatus'],
  ['an indirect jump', 'jr a1'],
])('a loop with %s is left alone', (_name, what) => {
  const {copiesOf} = unrolled(`
    entry: ld a0, 0(s1)
    ${what}
    addi s1, s1, 8
    bne s1, s3, entry
    far: ret`);
  expect(copiesOf(0)).toHaveLength(1);
});

it('loops around one that the region was entered at get a header of their own', () => {
  const {graph, entry} = graphOf(`
    outer: li a2, 0
    entry: addi a2, a2, 1
    bne a2, a3, entry
    addi a4, a4, 1
    bne a4, a5, outer
    ret`);
  expect(innerLoops(orderBlocks(graph, entry)).map(({blocks}) => blocks.length)).toEqual([3]);
  const split = orderBlocks(splitLoops(graph, orderBlocks(graph, entry)), entry);
  expect(split.filter(({isLoopHeader}) => isLoopHeader).map(({block}) => deltaOf(block.start))).toEqual([entry, entry]);
  expect(innerLoops(split).map(({blocks}) => blocks.length)).toEqual([1]);
});
