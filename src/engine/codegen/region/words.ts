/**
 * Operations whose result is a sign-extended word (see `integers.ts`): which they are, and those that are done in 32 bits
 * although their records are written for 64.
 */
import {immediate} from '../../isa/decoder.js';
import {type I32, i32} from '../wasm/expression.js';
import type {GuestOp} from './graph.js';
import type {RegionIntegers} from './integers.js';
import type {OrderedBlock} from './order.js';
import {effectsOf, endsClean} from './registers.js';

const bitwise = {and: i32.and, or: i32.or, xor: i32.xor} as const;
const bitwiseImmediate = {andi: i32.and, ori: i32.or, xori: i32.xor} as const;
const comparisons = {slt: i32.ltS, sltu: i32.ltU} as const;
const branches = {beq: i32.eq, bne: i32.ne, blt: i32.ltS, bge: i32.geS, bltu: i32.ltU, bgeu: i32.geU} as const;
/** Loads of no more than a word, and whether they extend with zeros. */
const narrowLoads = {lb: false, lh: false, lw: false, lbu: true, lhu: true} as const;
/** What `Lowering.setX32` is called for. */
const setters: ReadonlySet<string> = new Set([
  ...['addw', 'subw', 'sllw', 'srlw', 'sraw', 'addiw', 'slliw', 'srliw', 'sraiw', 'mulw', 'divw', 'divuw', 'remw'],
  ...['remuw', 'rolw', 'rorw', 'roriw'],
]);

const has = <T extends object>(table: T, name: string): name is Extract<keyof T, string> => Object.hasOwn(table, name);

/** What a narrow load reads: kept as a word where words are kept. */
export function narrowLoad({
  record: {name},
}: GuestOp): {readonly name: keyof typeof narrowLoads; readonly isNatural: boolean} | undefined {
  return has(narrowLoads, name) ? {name, isNatural: narrowLoads[name]} : undefined;
}

/** A word read from a host address. */
export function readWord(name: keyof typeof narrowLoads, address: I32, offset: number): I32 {
  switch (name) {
    case 'lb':
      return i32.load8s(address, offset);
    case 'lbu':
      return i32.load8u(address, offset);
    case 'lh':
      return i32.load16s(address, offset);
    case 'lhu':
      return i32.load16u(address, offset);
    case 'lw':
      return i32.load(address, offset);
  }
}

/** A word as a result; `isNatural`: not negative. */
export interface WordResult {
  readonly value: I32;
  readonly isNatural: boolean;
}

/**
 * The result of an operation that is written for 64 bits but can be done in 32, given which registers are words;
 * undefined for all others. Sign extension changes nothing for bitwise operations and comparisons.
 */
export function wordResult(
  {bits, record: {name}}: GuestOp,
  x: Pick<RegionIntegers, 'isWord' | 'x32'>,
): WordResult | undefined {
  const first = (bits >>> 15) & 31;
  const second = (bits >>> 20) & 31;
  const areWords = x.isWord(first) && x.isWord(second);
  if (has(bitwise, name)) {
    if (areWords) return {value: bitwise[name](x.x32(first), x.x32(second)), isNatural: false};
  } else if (has(bitwiseImmediate, name)) {
    const value = immediate('I', bits);
    const isMask = name === 'andi' && value >= 0;
    if (isMask || x.isWord(first))
      return {value: bitwiseImmediate[name](x.x32(first), i32.const(value)), isNatural: isMask};
  } else if (has(comparisons, name)) {
    if (areWords) return {value: comparisons[name](x.x32(first), x.x32(second)), isNatural: true};
  } else if (name === 'addi') {
    const value = immediate('I', bits);
    if (first === 0) return {value: i32.const(value), isNatural: value >= 0};
    if (value === 0 && x.isWord(first)) return {value: x.x32(first), isNatural: false};
  } else if (name === 'add') {
    if (areWords && (first === 0 || second === 0))
      return {value: x.x32(first === 0 ? second : first), isNatural: false};
  } else if (name === 'lui') return {value: i32.const(immediate('U', bits)), isNatural: immediate('U', bits) >= 0};
  return undefined;
}

/** A branch's condition where both operands are words. */
export function wordCondition(
  {bits, record: {name}}: GuestOp,
  x: Pick<RegionIntegers, 'isWord' | 'x32'>,
): I32 | undefined {
  const [first, second] = [(bits >>> 15) & 31, (bits >>> 20) & 31];
  if (!has(branches, name) || !x.isWord(first) || !x.isWord(second)) return undefined;
  return branches[name](x.x32(first), x.x32(second));
}

/** Registers that hold words behind an op. */
function after(op: GuestOp, words: number): number {
  const {x} = effectsOf(op).writes;
  if (x === 0) return words;
  const known = {
    isWord: (register: number) => register === 0 || (words & (1 << register)) !== 0,
    x32: () => i32.const(0),
  };
  const isWord = setters.has(op.record.name) || narrowLoad(op) !== undefined || wordResult(op, known) !== undefined;
  return isWord ? words | x : words & ~x;
}

/** Registers that are words where blocks begin, by block index; none in blocks that keep no words. */
export function analyseWords(blocks: readonly OrderedBlock[]): readonly number[] {
  const starts: (number | undefined)[] = blocks.map(() => undefined);
  starts[0] = 0;
  for (let isChanged = true; isChanged; ) {
    isChanged = false;
    for (const ordered of blocks) {
      const {block, index, successors} = ordered;
      const start = starts[index];
      if (start === undefined) continue;
      const isKept = block.keepsWords === true && !endsClean(ordered);
      const end = isKept ? block.ops.reduce((words, op) => after(op, words), start) : 0;
      for (const next of successors.values()) {
        const arriving = next.block.keepsWords ? end : 0;
        const known = starts[next.index];
        const met = known === undefined ? arriving : known & arriving;
        if (met === known) continue;
        starts[next.index] = met;
        isChanged = true;
      }
    }
  }
  return starts.map((words) => words ?? 0);
}
