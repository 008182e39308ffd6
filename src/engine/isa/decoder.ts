/**
 * From instruction bits to a record and its operands, from the records alone.
 */
import type {Format, Instruction} from './instruction.js';
import {cInstructions} from './registry.js';

/** Sign-extended immediate of a 32-bit instruction by its format; the CSR number for CSR formats. */
export function immediate(format: Format, bits: number): number {
  switch (format) {
    case 'I':
    case 'none':
      return bits >> 20;
    case 'S':
      return ((bits >> 25) << 5) | ((bits >>> 7) & 31);
    case 'B':
      return ((bits >> 31) << 12) | ((bits << 4) & 0x800) | ((bits >>> 20) & 0x7e0) | ((bits >>> 7) & 0x1e);
    case 'U':
      return bits & -4096;
    case 'J':
      return ((bits >> 31) << 20) | (bits & 0xff000) | ((bits >>> 9) & 0x800) | ((bits >>> 20) & 0x7fe);
    case 'shift':
      return (bits >>> 20) & 63;
    case 'shiftw':
      return (bits >>> 20) & 31;
    case 'csr':
    case 'csri':
      return bits >>> 20;
    case 'R':
    case 'R4':
      return 0;
  }
}

/** True when the low bits say that an instruction is 32 bits long. */
export function isLong(bits: number): boolean {
  return (bits & 3) === 3;
}

/** Finds records by opcode and funct3; where several match, the first in the list wins. */
export class Decoder {
  readonly instructions: readonly Instruction[];
  /** By opcode and funct3: index, match and mask of the records they leave, in order. */
  readonly #buckets: readonly Int32Array[];
  readonly #expanded = new Uint32Array(1 << 16);
  readonly #isExpanded = new Uint8Array(1 << 16);

  constructor(instructions: readonly Instruction[]) {
    this.instructions = instructions;
    const buckets: number[][] = Array.from({length: 256}, () => []);
    instructions.forEach(({match, mask}, index) => {
      for (let key = 0; key < 256; key++) {
        const bits = ((key & 31) << 2) | ((key >> 5) << 12);
        if (((bits ^ match) & mask & 0x707c) === 0) buckets[key]!.push(index);
      }
    });
    this.#buckets = buckets.map((indices) =>
      Int32Array.from(indices.flatMap((index) => [index, instructions[index]!.match, instructions[index]!.mask])),
    );
  }

  /** Index of the record that a 32-bit instruction matches, or -1. */
  find(bits: number): number {
    const bucket = this.#buckets[((bits >>> 2) & 31) | ((bits >>> 7) & 0xe0)]!;
    for (let i = 0; i < bucket.length; i += 3) if (((bits ^ bucket[i + 1]!) & bucket[i + 2]!) === 0) return bucket[i]!;
    return -1;
  }

  /** The 32-bit form of a 16-bit instruction, or 0 when it is reserved. */
  expand(bits: number): number {
    const half = bits & 0xffff;
    if (this.#isExpanded[half] === 0) {
      this.#isExpanded[half] = 1;
      const record = cInstructions.find(({match, mask}) => ((half ^ match) & mask) === 0);
      this.#expanded[half] = record ? record.expand(half) : 0;
    }
    return this.#expanded[half]!;
  }
}
