import {describe, expect, it} from 'vitest';
import {HandlerSet} from '../../../src/engine/codegen/interpreter.js';
import {fusedSequences} from '../../../src/engine/codegen/sequences.js';
import {Decoder, immediate} from '../../../src/engine/isa/decoder.js';
import type {Format} from '../../../src/engine/isa/instruction.js';
import {instructions} from '../../../src/engine/isa/instructions.js';
import {cInstructions} from '../../../src/engine/isa/registry.js';
import {encode} from '../../support/assembler.js';
import {binutils, objdump} from '../../support/binutils.js';
import {SeededRandom} from '../../support/seeded-random.js';
import {itWith} from '../../support/tools.js';

const decoder = new Decoder(instructions);
const halves = Array.from({length: 0x10000}, (_, bits) => bits).filter((bits) => (bits & 3) !== 3);

/** Ranges of immediates by format, and their granularity. */
const immediates: Readonly<Partial<Record<Format, readonly [number, number, number]>>> = {
  I: [-2048, 2047, 1],
  S: [-2048, 2047, 1],
  B: [-4096, 4094, 2],
  U: [-(2 ** 31), 2 ** 31 - 4096, 4096],
  J: [-(2 ** 20), 2 ** 20 - 2, 2],
  shift: [0, 63, 1],
  shiftw: [0, 31, 1],
  csr: [0, 4095, 1],
  csri: [0, 4095, 1],
};

describe('instruction records', () => {
  it('overlap only where a CSR is read without being written, and then the reading form comes first', () => {
    const overlaps: string[] = [];
    instructions.forEach((a, i) => {
      for (const b of instructions.slice(i + 1))
        if (((a.match ^ b.match) & a.mask & b.mask) === 0) overlaps.push(`${a.name} ${b.name}`);
    });
    expect(overlaps.toSorted()).toEqual(['csrr csrrs', 'csrr.c csrrc', 'csrr.ci csrrci', 'csrr.i csrrsi']);
  });

  it('have names of their own, fix no bit outside their mask, and fix opcode and length', () => {
    expect(new Set(instructions.map(({name}) => name)).size).toBe(instructions.length);
    for (const {name, match, mask} of instructions) {
      expect((match & ~mask) >>> 0, name).toBe(0);
      expect(mask & 0x7f, name).toBe(0x7f);
      expect(match & 3, name).toBe(3);
    }
  });

  it('are found again from their encodings, with the immediate that was encoded', () => {
    const random = new SeededRandom(5);
    for (const record of instructions) {
      const range = immediates[record.format];
      for (let i = 0; i < 50; i++) {
        const pick = (low: number, high: number, unit: number) =>
          i === 0 ? low : i === 1 ? high : low + unit * random.below((high - low) / unit + 1);
        const imm = range ? pick(...range) : 0;
        const register = () => 1 + random.below(31);
        const bits = encode(record, {
          rd: register(),
          rs1: register(),
          rs2: register(),
          rs3: register(),
          imm,
          rounding: 0,
        });
        expect(decoder.instructions[decoder.find(bits)]?.name, record.name).toBe(record.name);
        if (range) expect(immediate(record.format, bits), `${record.name} ${imm}`).toBe(imm);
      }
    }
  });

  it('each have a handler for every length and distance they occur in', () => {
    const set = new HandlerSet(decoder, fusedSequences);
    instructions.forEach(({format}, index) => {
      for (const isFar of format === 'B' || format === 'J' ? [false, true] : [false])
        expect(set.describe(set.single(index, 4, isFar))).toContain(instructions[index]?.name);
    });
    for (const bits of halves) {
      const long = decoder.expand(bits);
      if (long === 0) continue;
      const index = decoder.find(long);
      expect(index, `0x${bits.toString(16)}`).toBeGreaterThanOrEqual(0);
      const {format} = instructions[index]!;
      for (const isFar of format === 'B' || format === 'J' ? [false, true] : [false]) set.single(index, 2, isFar);
    }
  });
});

/** Instructions that change nothing: binutils gives such compressed ones names of their own. */
function isHint(bits: number): boolean {
  const record = instructions[decoder.find(bits)]!;
  const isShift = record.format === 'shift' && immediate('shift', bits) === 0;
  const isMove = record.name === 'addi' && immediate('I', bits) === 0;
  return (
    isShift ||
    isMove ||
    (record.files.rd !== 'none' && (bits & 0xf80) === 0 && record.format !== 'J' && record.name !== 'jalr')
  );
}

describe('compressed records', () => {
  it('do not overlap', () => {
    const overlaps: string[] = [];
    cInstructions.forEach((a, i) => {
      for (const b of cInstructions.slice(i + 1))
        if (((a.match ^ b.match) & a.mask & b.mask) === 0) overlaps.push(`${a.name} ${b.name}`);
    });
    expect(overlaps).toEqual([]);
  });

  itWith(binutils, 'stand for what binutils says, all 49152 of them', async () => {
    const defined = halves.filter((bits) => decoder.expand(bits) !== 0);
    const [short, long, all] = await Promise.all([
      objdump(defined, ''),
      objdump(
        defined.map((bits) => decoder.expand(bits)),
        '',
      ),
      objdump(halves, ''),
    ]);
    const wrong = defined.flatMap((bits, i) => {
      // A compressed move is an addition of zero; binutils writes a move for both.
      const expanded = long[i]!.replace(/^add (\w+),zero,(\w+)$/, 'mv $1,$2');
      return isHint(decoder.expand(bits)) || short[i] === expanded
        ? []
        : [`0x${bits.toString(16)}: ${short[i]} | ${expanded}`];
    });
    expect(wrong.slice(0, 20)).toEqual([]);
    // Stack pointer plus zero is reserved by the specification; binutils shows it all the same.
    const reserved = 0x6101;
    const missing = halves.flatMap((bits, i) => {
      const isKnown = !/^(\.2byte|unimp|\.short|0x)/.test(all[i]!) && !all[i]!.startsWith('c.unimp');
      return bits === reserved || isKnown === (decoder.expand(bits) !== 0) ? [] : [`0x${bits.toString(16)}: ${all[i]}`];
    });
    expect(missing.slice(0, 20)).toEqual([]);
  });
});
