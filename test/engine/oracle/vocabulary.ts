/** The engine's records, sorted by how a random program may use them. */
import {Decoder, immediate} from '../../../src/engine/isa/decoder.js';
import type {Instruction} from '../../../src/engine/isa/instruction.js';
import {instructions} from '../../../src/engine/isa/instructions.js';
import * as opcode from '../../../src/engine/isa/opcodes.js';
import {cInstructions} from '../../../src/engine/isa/registry.js';
import type {SeededRandom} from '../../support/seeded-random.js';

/** Extensions that the qemu-riscv64 of Debian 12 has too. */
const shared = ['i', 'm', 'a', 'f', 'd', 'zba', 'zbb', 'zbs', 'zicsr', 'zifencei'];

/**
 * Registers with a fixed use: two bases of the scratch memory that stay and two that wander (`pointers`), the pointer to
 * the results, the pointer to the values of this turn, the link of the checkpoint subroutine, the stack, and counters
 * of inner loops, turns, recursion and rounds. Compressed forms reach the bases and the loop counter.
 */
export const REGISTERS = {
  scratchLow: 2,
  results: 3,
  pool: 4,
  link: 5,
  scratchHigh: 8,
  loop: 9,
  pointers: [14, 15],
  stack: 24,
  turns: 25,
  depth: 26,
  rounds: 27,
} as const;

/** Registers that always hold an address in the scratch memory. */
export const bases: readonly number[] = [REGISTERS.scratchLow, REGISTERS.scratchHigh, ...REGISTERS.pointers];

const reserved: readonly number[] = Object.values(REGISTERS).flat();

/** x registers that random instructions may write. */
export const freeRegisters: readonly number[] = Array.from({length: 31}, (_, i) => i + 1).filter(
  (register) => !reserved.includes(register),
);

const usable = instructions.filter((record) => shared.includes(record.extension));
const withOpcode = (...opcodes: readonly number[]) => usable.filter((record) => opcodes.includes(record.match & 0x7f));

/** Instructions that only compute. */
export const computations = withOpcode(
  opcode.OP,
  opcode.OP_32,
  opcode.OP_IMM,
  opcode.OP_IMM_32,
  opcode.LUI,
  opcode.AUIPC,
  opcode.OP_FP,
  opcode.MADD,
  opcode.MSUB,
  opcode.NMSUB,
  opcode.NMADD,
);
/** Integer and floating-point loads. */
export const loads = withOpcode(opcode.LOAD, opcode.LOAD_FP);
/** Integer and floating-point stores. */
export const stores = withOpcode(opcode.STORE, opcode.STORE_FP);
/** Conditional branches. */
export const branches = withOpcode(opcode.BRANCH);
/** Read-modify-writes; LR and SC only make sense as a pair. */
export const atomics = withOpcode(opcode.AMO).filter(({name}) => name.startsWith('amo'));

/** Bytes that a load or store accesses. */
export function accessBytes(record: Instruction): number {
  return 1 << ((record.match >>> 12) & 3);
}

const decoder = new Decoder(instructions);

/** A random valid compressed instruction that computes, loads or stores, and what it stands for. */
export function randomCompressed(
  random: SeededRandom,
  targets: readonly number[],
): {readonly bits: number; readonly record: Instruction; readonly long: number} {
  const isWritable = (record: Instruction, rd: number) => record.files.rd === 'f' || rd === 0 || targets.includes(rd);
  for (;;) {
    const {match, mask} = random.pick(cInstructions);
    const bits = match | (random.u32() & ~mask & 0xffff);
    const long = decoder.expand(bits);
    const record = long === 0 ? undefined : instructions[decoder.find(long)];
    if (!record) continue;
    const rd = (long >>> 7) & 31;
    const isOnScratch = bases.includes((long >>> 15) & 31);
    if (
      stores.includes(record)
        ? isOnScratch
        : isWritable(record, rd) && (loads.includes(record) ? isOnScratch : computations.includes(record))
    )
      return {bits, record, long};
  }
}

/** The 16 bits of a compressed jump or branch with a given distance; register number 8–15 for branches. */
export function compressedJump(name: 'c.j' | 'c.beqz' | 'c.bnez', distance: number, register = 8): number {
  const {match, mask} = cInstructions.find((record) => record.name === name) ?? {match: 0, mask: 0};
  const registerBits = name === 'c.j' ? 0 : (register - 8) << 7;
  for (let free = 0; free < 1 << 11; free++) {
    const bits = match | (free << 2) | registerBits;
    if (((bits ^ match) & mask) !== 0) continue;
    const long = decoder.expand(bits);
    const record = instructions[decoder.find(long)];
    const isSameRegister = name === 'c.j' || ((long >>> 15) & 31) === register;
    if (record && isSameRegister && immediate(record.format, long) === distance) return bits;
  }
  throw new Error(`${name} does not reach ${distance}`);
}
