/** Subroutines of random programs, each kind a way to come back that a caller may not expect. */
import type {Assembler} from '../../support/assembler.js';
import type {SeededRandom} from '../../support/seeded-random.js';
import {type Callee, CodeWriter} from './code-writer.js';
import {freeRegisters, REGISTERS as REG} from './vocabulary.js';

/** Subroutines keep the return address. */
const targets = freeRegisters.filter((register) => register !== 1);

type Kind = (writer: CodeWriter, label: string, callees: readonly Callee[], random: SeededRandom) => void;

const comeBack = (writer: CodeWriter, link = 1) => writer.emit('jalr', {rs1: link});

const kinds: Readonly<Record<string, Kind>> = {
  leaf: (writer) => {
    writer.units(4);
    comeBack(writer);
  },

  /** Called with the other link register. */
  other: (writer) => {
    writer.units(3);
    comeBack(writer, REG.link);
  },

  /** Calls another. */
  nested: (writer, _, callees) => {
    writer.push();
    writer.units(2);
    const callee = callees.find(({isRecursive}) => !isRecursive);
    if (callee) writer.call(callee);
    writer.units(2);
    writer.pop();
    comeBack(writer);
  },

  /** Returns to where it was called or four bytes behind that. */
  skips: (writer) => {
    writer.units(2);
    writer.emit('andi', {rd: REG.link, rs1: targets[0]!, imm: 4});
    writer.emit('add', {rd: 1, rs1: 1, rs2: REG.link});
    comeBack(writer);
  },

  /** Ends in a jump to another, which returns in its place. */
  tail: (writer, _, callees, random) => {
    writer.units(2);
    const callee = callees.find(({link, skips, isRecursive}) => link === 1 && !skips && !isRecursive);
    if (!callee) comeBack(writer);
    else if (random.chance(50)) writer.to(callee.label, 'jal');
    else writer.far(callee.label, 0, random.pick(targets));
  },

  /** What it calls may return for it, past its own end. */
  escapes: (writer, label) => {
    const [inner, stay] = [`${label} inner`, `${label} stay`];
    writer.push();
    writer.to(inner, 'jal', {rd: 1});
    writer.units(2);
    writer.pop();
    comeBack(writer);
    writer.label(inner);
    writer.units(2);
    writer.branch(stay);
    writer.pop();
    writer.label(stay);
    comeBack(writer);
  },

  /** Calls itself. */
  recursive: (writer, label) => {
    const deepest = `${label} deepest`;
    writer.push();
    writer.units(2);
    writer.to(deepest, 'beq', {rs1: REG.depth});
    writer.emit('addi', {rd: REG.depth, rs1: REG.depth, imm: -1});
    writer.to(label, 'jal', {rd: 1});
    writer.label(deepest);
    writer.units(2);
    writer.pop();
    comeBack(writer);
  },
};

/** Most bytes of stack that subroutines need: the deepest recursion is 255. */
export const STACK_BYTES = 8192;

/** Writes one where control does not fall into it. It may call those of `callees` that call nothing themselves. */
export function writeSubroutine(a: Assembler, random: SeededRandom, label: string, callees: readonly Callee[]): Callee {
  const kind = random.pick(Object.keys(kinds));
  const writer = new CodeWriter(a, random, label, {targets, callees: [], isBlock: false});
  const simple = callees.filter(({isSimple}) => isSimple);
  writer.label(label);
  kinds[kind]!(writer, label, simple, random);
  const isSimple = ['leaf', 'other', 'skips'].includes(kind);
  return {
    label,
    link: kind === 'other' ? REG.link : 1,
    skips: kind === 'skips',
    isRecursive: kind === 'recursive',
    isSimple,
    lines: isSimple ? writer.lines : [...writer.lines, ...simple.flatMap(({lines}) => lines)],
  };
}
