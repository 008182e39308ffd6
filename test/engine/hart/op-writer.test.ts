/** Decoded ops as generated code writes them, from tables that the runtime fills. */
import {describe, expect, it} from 'vitest';
import {HANDLER, HandlerSet} from '../../../src/engine/codegen/interpreter.js';
import {OP_FIELD} from '../../../src/engine/codegen/interpreter-frame.js';
import {buildOpDecode} from '../../../src/engine/codegen/op-decode.js';
import {fusedSequences} from '../../../src/engine/codegen/sequences.js';
import {ModuleBuilder} from '../../../src/engine/codegen/wasm/module.js';
import {Assembler} from '../../../src/engine/debug/assembler.js';
import {type DecodeFunctions, OpWriter} from '../../../src/engine/hart/op-writer.js';
import {HartState, viewMemory} from '../../../src/engine/hart/state.js';
import {Decoder} from '../../../src/engine/isa/decoder.js';
import {instructions} from '../../../src/engine/isa/instructions.js';
import {layoutMemory, PAGE_BYTES} from '../../../src/engine/memory/layout.js';
import {assembleText} from '../../support/assembly-text.js';

const layout = layoutMemory(1024 * 1024, 1, 0);
const pages = Math.ceil(layout.totalBytes / 65536);
const set = new HandlerSet(new Decoder(instructions), fusedSequences);
const ops = layout.slots[0]!;
const copy = layout.copies[0]!;

/** One page of code and its ops. */
function createPage(offset: number, text: string) {
  const memory = new WebAssembly.Memory({initial: pages, maximum: pages, shared: true});
  const views = viewMemory(memory.buffer);
  const state = new HartState(0, views, layout);
  const writer = new OpWriter(state, set);
  const module = new ModuleBuilder({initialPages: pages, maximumPages: pages});
  buildOpDecode(module, HANDLER, module.import('learn', {params: ['i32'], results: []}));
  let learned = 0;
  const learn = (bits: number) => {
    learned++;
    writer.learn(bits);
  };
  const {exports} = new WebAssembly.Instance(new WebAssembly.Module(module.finish()), {env: {memory, learn}});
  writer.link(exports as unknown as DecodeFunctions);
  const assembler = new Assembler(0);
  assembleText(assembler, text);
  views.u8.set(assembler.finish(), layout.ram + offset);
  const opAt = (at: number) => ops + at * 8;
  return {
    views,
    learned: () => learned,
    decode(at: number) {
      const run = writer.decodeRun(opAt(at), ops, layout.ram, copy);
      return {first: run >> 16, end: run & 0xffff};
    },
    handler: (at: number) => set.describe(views.u16[opAt(at) >> 1]!),
    number: (at: number) => state.sequenceOf(opAt(at)),
    immediate: (at: number) => views.i32[(opAt(at) + OP_FIELD.imm) >> 2]!,
    extra: (at: number) => views.u16[(opAt(at) + OP_FIELD.extra) >> 1]!,
  };
}

describe('a run of instructions', () => {
  it('is numbered from its start to what ends it, and copied', () => {
    const page = createPage(64, 'addi a0, a1, 5\nxor a0, a0, a1\nbeq a0, a1, on\nsub a2, a2, a3\non: ret\nnop');
    expect(page.decode(64)).toEqual({first: 0, end: 84});
    expect([64, 68, 72, 76, 80].map(page.number)).toEqual([0, 1, 2, 3, 4]);
    expect(page.handler(84)).toBe('decode');
    const bytes = (at: number) => page.views.u8.slice(at + 64, at + 84);
    expect(bytes(copy)).toEqual(bytes(layout.ram));
  });

  it('that meets one decoded before is numbered backwards from there', () => {
    const page = createPage(0, 'sub a0, a0, a1\nxor a0, a0, a1\nor a0, a0, a1\nret');
    page.decode(8);
    expect(page.decode(0)).toEqual({first: -2, end: 8});
    expect([0, 4, 8, 12].map(page.number)).toEqual([-2, -1, 0, 1]);
  });

  it('goes on in the next page where it reaches the end of this one', () => {
    const page = createPage(PAGE_BYTES - 6, 'sub a0, a0, a1\n.half 0x0001');
    expect(page.decode(PAGE_BYTES - 6)).toEqual({first: 0, end: PAGE_BYTES});
    expect([page.handler(PAGE_BYTES), page.number(PAGE_BYTES)]).toEqual(['pageEnd', 2]);
    expect(page.immediate(PAGE_BYTES)).toBe(PAGE_BYTES);
  });

  it('ends at an instruction that straddles pages', () => {
    const page = createPage(PAGE_BYTES - 6, 'sub a0, a0, a1\nsub a0, a0, a1');
    expect(page.decode(PAGE_BYTES - 6)).toEqual({first: 0, end: PAGE_BYTES});
    expect([page.handler(PAGE_BYTES - 2), page.number(PAGE_BYTES - 2)]).toEqual(['straddle', 1]);
  });

  it('runs its instructions together where there is a handler for them', () => {
    // c.ld a0, 0(a1) twice, then c.addi a0, 1, ret.
    const page = createPage(0, '.half 0x6188\n.half 0x6188\n.half 0x0505\n.half 0x8082');
    page.decode(0);
    const longest = (names: string[]) => {
      let count = 1;
      while (count < names.length && fusedSequences.includes(names.slice(0, count + 1).join(' '))) count++;
      return names.slice(0, count).join(' ');
    };
    const names = ['ld/2', 'ld/2', 'addi/2', 'jalr/2'];
    expect([0, 2, 4, 6].map(page.handler)).toEqual([0, 1, 2, 3].map((i) => longest(names.slice(i))));
    expect(page.handler(0).split(' ').length).toBeGreaterThan(1);
  });
});

describe('an op', () => {
  it('has a near or a far target, and an address counted from its page', () => {
    const page = createPage(2048, 'beq a0, a1, far\nauipc a0, 1\nj here\n.zero 2500\nfar: nop\nhere: ret');
    page.decode(2048);
    expect([page.handler(2048), page.immediate(2048)]).toEqual(['beq/far', 2048 + 12 + 2500]);
    expect(page.immediate(2052)).toBe(4096 + 2052);
    expect(page.handler(2056)).toBe('jal/far');
    const near = createPage(2048, 'beq a0, a1, here\nnop\nhere: ret');
    near.decode(2048);
    expect([near.handler(2048), near.immediate(2048)]).toEqual(['beq', 8 * 8]);
    expect(near.extra(2048)).toBe(2052);
  });

  it('is illegal for bits that are no instruction, all zeros among them', () => {
    const page = createPage(0, '.half 0\n.half 0x9c41\n.word 0xffffffff');
    for (const at of [0, 2, 4]) {
      page.decode(at);
      expect(page.handler(at)).toBe('illegal');
    }
  });

  it('is learned once for instructions that look the same', () => {
    const page = createPage(0, `${'sub a0, a0, a1\n'.repeat(100)}ret`);
    page.decode(0);
    expect(page.learned()).toBe(2);
  });
});
