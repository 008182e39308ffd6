/**
 * Makes random programs from the engine's records. A program is a sequence of blocks. Each runs for some turns: a turn
 * loads some registers from a window of interesting values that moves on, sets fcsr, gives the pointers new places, and
 * runs random instructions. Blocks leave all registers in the results, after every turn or at their end. The whole
 * program runs for some rounds.
 */
import type {Assembler} from '../../support/assembler.js';
import {type GuestProgram, guestProgram} from '../../support/guest-program.js';
import {SeededRandom} from '../../support/seeded-random.js';
import {type Callee, CodeWriter, type Line, POOL_BYTES} from './code-writer.js';
import {poolValue} from './pools.js';
import {STACK_BYTES, writeSubroutine} from './subroutines.js';
import {freeRegisters, REGISTERS as REG} from './vocabulary.js';

/** Start of the results: scratch memory in reach of bases and pointers, then the stack. */
export const SCRATCH_BYTES = 32_768 + STACK_BYTES;
/** One checkpoint: x0…x31, f0…f31, fcsr, 64 bits each. */
export const CHECKPOINT_BYTES = 65 * 8;
/** Instructions that make one. */
export const CHECKPOINT_OPS = 70;
/** Behind a block's checkpoints: instructions retired so far, which only machines of ours agree on. */
export const COUNT_BYTES = 8;

const FCSR = 3;
const INSTRET = 0xc02;
const SCRATCH_LOW = 8192;
const PAGE_BYTES = 4096;
/** A branch reaches a little further back. */
const BRANCH_REACH = 4000;
const POOLS = 16;
/** Subroutines that the present block can call. */
const MAX_CALLEES = 16;

/** When a block's registers are saved: by a call in every turn, by stores in every turn, or at its end. */
const savings = ['call', 'stores', 'end', 'call', 'end'] as const;

/** How large a program is. */
export interface ProgramShape {
  readonly blocks: number;
  /** Random steps of a block. */
  readonly units: number;
  readonly turns: number;
  /** Times that the whole program runs; results are those of the last. */
  readonly rounds: number;
}

/** One block, for reports. */
export interface Block {
  readonly checkpoints: number;
  /** Its instructions and those of the subroutines it may call. */
  readonly lines: readonly Line[];
}

/** A program and what each of its blocks consists of. */
export interface RandomProgram {
  readonly seed: number;
  readonly program: GuestProgram;
  readonly blocks: readonly Block[];
  /** Checkpoints that are made in all rounds. */
  readonly checkpoints: number;
}

/** The program of a seed. */
export function randomProgram(seed: number, shape: ProgramShape): RandomProgram {
  const random = new SeededRandom(seed);
  const plans = Array.from({length: shape.blocks}, () => {
    const saving = shape.turns === 1 ? 'end' : random.pick(savings);
    return {saving, checkpoints: saving === 'end' ? 1 : shape.turns};
  });
  const checkpoints = plans.reduce((sum, plan) => sum + plan.checkpoints, 0);
  const blocks: Block[] = [];
  const program = guestProgram(
    (a) => {
      writeStart(a, shape.rounds);
      const callees: Callee[] = [];
      plans.forEach(({saving, checkpoints}, index) => {
        if (random.chance(40)) {
          a.to(`block ${index}`, 'jal');
          callees.push(writeSubroutine(a, random, `sub ${index}`, callees));
          if (callees.length > MAX_CALLEES) callees.shift();
        }
        a.label(`block ${index}`);
        const lines = writeBlock(a, random, {index, saving, callees, ...shape});
        blocks.push({checkpoints, lines: [...lines, ...callees.flatMap((callee) => callee.lines)]});
      });
      a.op('addi', {rd: REG.rounds, rs1: REG.rounds, imm: -1});
      a.to('end', 'beq', {rs1: REG.rounds});
      a.to('round', 'jal');
      a.label('checkpoint');
      saveRegisters(a);
      a.op('jalr', {rs1: REG.link});
      a.label('end');
    },
    (a) => {
      for (let pool = 0; pool <= POOLS; pool++) {
        a.label(`pool ${pool}`);
        for (let i = 0; i < POOL_BYTES / 8; i++) a.doubleWord(poolValue(random));
      }
    },
    SCRATCH_BYTES + checkpoints * CHECKPOINT_BYTES + shape.blocks * COUNT_BYTES,
  );
  return {seed, program, blocks, checkpoints: checkpoints * shape.rounds};
}

function writeStart(a: Assembler, rounds: number): void {
  const add = (rd: number, rs1: number, bytes: number) => {
    a.loadConstant(REG.link, bytes);
    a.op('add', {rd, rs1, rs2: REG.link});
  };
  add(REG.scratchLow, REG.results, SCRATCH_LOW);
  // A little below the end of its page: accesses through this base cross it.
  add(REG.scratchHigh, REG.scratchLow, PAGE_BYTES - 40);
  add(REG.stack, REG.results, SCRATCH_BYTES);
  // What the two environments leave in the registers differs.
  for (const rd of [...freeRegisters, REG.loop, REG.turns, REG.depth, REG.link]) a.op('addi', {rd});
  for (const rd of REG.pointers) a.op('addi', {rd, rs1: REG.scratchLow});
  for (let rd = 0; rd < 32; rd++) a.op('fmv.d.x', {rd});
  a.loadConstant(REG.rounds, rounds);
  a.label('round');
  a.op('addi', {rd: REG.results, rs1: REG.stack});
}

/** Stores all registers and moves the results pointer on. */
function saveRegisters(a: Assembler): void {
  const base = {rs1: REG.results};
  for (let i = 0; i < 32; i++) a.op('sd', {...base, rs2: i, imm: i * 8});
  for (let i = 0; i < 32; i++) a.op('fsd', {...base, rs2: i, imm: 256 + i * 8});
  a.op('csrrs', {rd: 31, imm: FCSR});
  a.op('sd', {...base, rs2: 31, imm: 512});
  a.op('ld', {...base, rd: 31, imm: 31 * 8});
  a.op('addi', {...base, rd: REG.results, imm: CHECKPOINT_BYTES});
}

interface BlockPlan extends ProgramShape {
  readonly index: number;
  readonly saving: (typeof savings)[number];
  readonly callees: readonly Callee[];
}

function writeBlock(a: Assembler, random: SeededRandom, plan: BlockPlan): readonly Line[] {
  const {index, saving, callees, units, turns} = plan;
  const name = `${index}`;
  const writer = new CodeWriter(a, random, name, {targets: freeRegisters, callees, isBlock: true});
  a.loadConstant(REG.turns, turns);
  const start = a.here;
  a.label(`turn ${name}`);
  // A window of values that moves on from turn to turn.
  a.op('slli', {rd: REG.link, rs1: REG.turns, imm: 3 + random.below(3)});
  a.op('andi', {rd: REG.link, rs1: REG.link, imm: POOL_BYTES - 8});
  a.loadAddress(REG.pool, `pool ${random.below(POOLS)}`);
  a.op('add', {rd: REG.pool, rs1: REG.pool, rs2: REG.link});
  // Where nothing is saved before the end, little is loaded anew: what went wrong in one turn must reach the last.
  const share = saving === 'end' && turns > 1 ? 15 : Math.min(50, units);
  for (const register of freeRegisters) if (random.chance(share)) writer.poolLoad('ld', register);
  for (let register = 0; register < 32; register++) if (random.chance(share)) writer.poolLoad('fld', register);
  if (random.chance(70)) writer.floatModes();
  for (const pointer of REG.pointers) writer.repoint(pointer);
  writer.units(units);
  if (saving === 'call') a.to('checkpoint', 'jal', {rd: REG.link});
  if (saving === 'stores') saveRegisters(a);
  a.op('addi', {rd: REG.turns, rs1: REG.turns, imm: -1});
  const isFar = a.here - start > BRANCH_REACH;
  if (isFar || random.chance(25)) {
    a.to(`done ${name}`, 'beq', {rs1: REG.turns});
    a.to(`turn ${name}`, 'jal');
    a.label(`done ${name}`);
  } else a.to(`turn ${name}`, 'bne', {rs1: REG.turns});
  if (saving === 'end') a.to('checkpoint', 'jal', {rd: REG.link});
  a.op('csrrs', {rd: REG.link, imm: INSTRET});
  a.op('sd', {rs1: REG.results, rs2: REG.link});
  a.op('addi', {rd: REG.link});
  a.op('addi', {rd: REG.results, rs1: REG.results, imm: COUNT_BYTES});
  return writer.lines;
}
