import {describe, expect, it} from 'vitest';
import {encode, recordOf} from '../../../src/engine/debug/assembler.js';
import {runGuest} from '../../support/bare-guest.js';
import {SeededRandom} from '../../support/seeded-random.js';

const CODE = 0x8020_0000;
const TABLE = 0x8050_0000;
const STEPS = 700;
const FUNCTIONS = 40;
/** Functions stand at every alignment, and some over a page boundary. */
const STRIDE = 1022;
const CELLS = 24;
const CELL_BYTES = 8;
const RET = 0x8082;

const addi = (value: number) => encode(recordOf('addi'), {rd: 10, rs1: 10, imm: value});
const xori = (value: number) => encode(recordOf('xori'), {rd: 10, rs1: 10, imm: value});
/** c.addi a0, value */
const short = (value: number) => 0x0501 | (((value >> 5) & 1) << 12) | ((value & 31) << 2);
const halves = (bits: number) => [bits & 0xffff, bits >>> 16];
const signed = (value: number, bits: number) => (value << (32 - bits)) >> (32 - bits);

/** Functions whose instructions are patched in place by others of all lengths. */
class PatchedCode {
  readonly bytes = new Uint8Array(FUNCTIONS * STRIDE + 4096);
  readonly #view = new DataView(this.bytes.buffer);
  readonly #random: SeededRandom;

  constructor(random: SeededRandom) {
    this.#random = random;
    for (let i = 0; i < FUNCTIONS; i++) {
      for (let cell = 0; cell < CELLS; cell++) this.#put(this.#cell(i, cell), this.#randomCell());
      this.#view.setUint16(this.#cell(i, CELLS), RET, true);
    }
  }

  /** Changes one cell, or only the immediate of one instruction; gives the words to store. */
  patch(): (readonly [number, number])[] {
    const one = this.entry();
    if (this.#random.chance(50) && this.#length(one) === 4) {
      this.#view.setUint16(one + 2, halves(addi(this.#random.below(2048)))[1]!, true);
      return [[one, this.#view.getUint32(one, true)]];
    }
    const at = this.#cell(this.#random.below(FUNCTIONS), this.#random.below(CELLS));
    this.#put(at, this.#randomCell());
    return [0, 4].map((offset) => [at + offset, this.#view.getUint32(at + offset, true)] as const);
  }

  /** Somewhere an instruction begins. */
  entry(): number {
    const start = this.#cell(this.#random.below(FUNCTIONS), 0);
    let at = start;
    for (let steps = this.#random.below(CELLS * 2); steps > 0; steps--) {
      const next = at + this.#length(at);
      if (next >= start + CELLS * CELL_BYTES) break;
      at = next;
    }
    return at;
  }

  /** What a0 = 1 becomes, and how many instructions run up to and with the return. */
  run(from: number): readonly [bigint, bigint] {
    let a0 = 1n;
    let count = 1n;
    for (let at = from; this.#view.getUint16(at, true) !== RET; at += this.#length(at), count++) {
      const half = this.#view.getUint16(at, true);
      const bits = this.#view.getUint32(at, true);
      const long = BigInt(bits | 0) >> 20n;
      if (this.#length(at) === 2) a0 += BigInt(signed(((half >> 7) & 0x20) | ((half >> 2) & 31), 6));
      else a0 = ((bits >> 12) & 7) === 0 ? a0 + long : a0 ^ long;
    }
    return [BigInt.asUintN(64, a0), count];
  }

  #length(at: number): 2 | 4 {
    return (this.#view.getUint16(at, true) & 3) === 3 ? 4 : 2;
  }

  #cell(i: number, cell: number): number {
    return i * STRIDE + cell * CELL_BYTES;
  }

  #put(at: number, cell: readonly number[]): void {
    for (const [i, half] of cell.entries()) this.#view.setUint16(at + i * 2, half, true);
  }

  #randomCell(): number[] {
    const shape = this.#random.pick([
      [4, 4],
      [4, 2, 2],
      [2, 4, 2],
      [2, 2, 4],
      [2, 2, 2, 2],
    ]);
    const value = () => this.#random.below(2048) - 1024;
    return shape.flatMap((length) =>
      length === 2
        ? [short(1 + this.#random.below(31))]
        : halves(this.#random.chance(50) ? addi(value()) : xori(value())),
    );
  }
}

interface Script {
  readonly code: Uint8Array;
  readonly table: Uint8Array;
  readonly expected: readonly bigint[];
}

/** Steps of: words to store, then fences, then a call. `spread` cells are patched in most steps. */
function script(seed: number, spread: number): Script {
  const random = new SeededRandom(seed);
  const code = new PatchedCode(random);
  const initial = code.bytes.slice();
  const table: number[] = [];
  const expected: bigint[] = [];
  for (let step = 0; step < STEPS; step++) {
    const patches = Array.from({length: random.chance(70) ? random.below(spread) + 1 : 0}, () => code.patch()).flat();
    const entry = code.entry();
    table.push(patches.length, random.chance(5) ? 40 : 1);
    for (const [at, word] of patches) table.push(CODE + at, word);
    table.push(CODE + entry);
    const [a0, count] = code.run(entry);
    // The first csrr and the call count as well.
    expected.push(a0, count + 2n);
  }
  const bytes = new Uint8Array(table.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of table.entries()) view.setBigUint64(i * 8, BigInt(value), true);
  return {code: initial, table: bytes, expected};
}

const guest = ({code, table}: Script, hartCount: number, others: string) => ({
  hartCount,
  segments: [
    {address: CODE, bytes: code},
    {address: TABLE, bytes: table},
  ],
  text: `
    csrr t0, mhartid
    bnez t0, others
    li s0, ${TABLE}
    li s1, ${STEPS}
    step: ld s2, 0(s0)
    ld s3, 8(s0)
    addi s0, s0, 16
    patch: beqz s2, fences
    ld t0, 0(s0)
    ld t1, 8(s0)
    sw t1, 0(t0)
    addi s0, s0, 16
    addi s2, s2, -1
    j patch
    fences: fence.i
    addi s3, s3, -1
    bnez s3, fences
    ld t0, 0(s0)
    addi s0, s0, 8
    li a0, 1
    csrr s4, instret
    jalr ra, 0(t0)
    csrr s5, instret
    sub s5, s5, s4
    save a0
    save s5
    addi s1, s1, -1
    bnez s1, step
    pass
    others: ${others}
    j others`,
});

describe('code that is patched in place', () => {
  it.each([
    ['one place at a time', 1, 1],
    ['a few places at a time', 2, 5],
    ['more pages at a time than are watched', 3, 40],
  ])('runs as patched and counts exactly, %s', async (_name, seed, spread) => {
    const steps = script(seed, spread);
    const run = await runGuest(guest(steps, 1, 'wfi'));
    expect(run.values.slice(0, STEPS * 2)).toEqual(steps.expected);
  });

  it.each([
    ['asleep', 'wfi'],
    ['at work', 'nop'],
  ])('runs as patched while another hart is %s', async (_name, others) => {
    const steps = script(4, 5);
    const run = await runGuest(guest(steps, 2, others));
    expect(run.values.slice(0, STEPS * 2)).toEqual(steps.expected);
  });
});
