/**
 * Writes random instructions and short sequences of them: what blocks and subroutines of a random program consist of.
 * Every sequence keeps the registers of fixed use in order and every address inside the scratch memory.
 */
import type {Instruction} from '../../../src/engine/isa/instruction.js';
import {type Assembler, encode, type Fields, recordOf} from '../../support/assembler.js';
import type {SeededRandom} from '../../support/seeded-random.js';
import * as vocabulary from './vocabulary.js';

const {REGISTERS: REG, bases} = vocabulary;

/** Bytes in reach of the pool register. */
export const POOL_BYTES = 2048;
/** The pointers start a turn inside this many bytes from `scratchLow` on, and stay within MAX_DRIFT of that. */
const POINTER_BITS = 14;
const MAX_DRIFT = 4096;

const FFLAGS = 1;
const FRM = 2;
const FCSR = 3;
/** Bytes of one case of a jump table, its last jump included. */
const CASE_BYTES = 32;

/** One emitted instruction, for reports. */
export interface Line {
  readonly address: number;
  /** The instruction in words; made only when it is asked for. */
  readonly text: () => string;
  /** `x5` or `f5`, what it writes; empty when nothing. */
  readonly writes: string;
}

/** A subroutine that code may call. */
export interface Callee {
  readonly label: string;
  readonly link: 1 | typeof REG.link;
  /** It may return behind the four bytes after the call. */
  readonly skips: boolean;
  /** It calls itself as often as the depth register says. */
  readonly isRecursive: boolean;
  /** It calls nothing. */
  readonly isSimple: boolean;
  readonly lines: readonly Line[];
}

/** What code may do besides computing. */
export interface WriterOptions {
  /** Registers it may write. */
  readonly targets: readonly number[];
  readonly callees: readonly Callee[];
  /** It may loop and move pointers. */
  readonly isBlock: boolean;
}

function describe(record: Instruction, bits: number): string {
  const part = (shift: number) => (bits >>> shift) & 31;
  const rounding = record.hasRounding ? ` rm=${part(12) & 7}` : '';
  const third = record.format === 'R4' ? ` rs3=${part(27)}` : '';
  const registers = `rd=${part(7)} rs1=${part(15)} rs2=${part(20)}${third}`;
  return `${record.name} ${registers}${rounding} (${bits.toString(16).padStart(8, '0')})`;
}

/** Writes one piece of code. */
export class CodeWriter {
  readonly lines: Line[] = [];
  readonly #a: Assembler;
  readonly #random: SeededRandom;
  readonly #name: string;
  readonly #options: WriterOptions;
  #labels = 0;
  /** Turns of the loop that is being written. */
  #turns = 1;
  #drift = 0;
  /** The x register written last. */
  #last = 0;

  constructor(a: Assembler, random: SeededRandom, name: string, options: WriterOptions) {
    this.#a = a;
    this.#random = random;
    this.#name = name;
    this.#options = options;
  }

  emit(name: string, fields: Fields = {}): void {
    this.#record(recordOf(name), fields);
  }

  label(name: string): void {
    this.#a.label(name);
  }

  /** A branch or jump to a label. */
  to(label: string, name: string, fields: Fields = {}): void {
    const {rd = 0, rs1 = 0, rs2 = 0} = fields;
    this.#line(rd === 0 ? '' : `x${rd}`, () => `${name} ${label} rd=${rd} rs1=${rs1} rs2=${rs2}`);
    this.#a.to(label, name, fields);
  }

  units(count: number): void {
    for (let i = 0; i < count; i++) this.#unit();
  }

  poolLoad(name: string, rd: number): void {
    this.emit(name, {rd, rs1: REG.pool, imm: this.#random.below(POOL_BYTES / 8) * 8});
  }

  /** Gives a pointer a place that depends on what the guest has computed: anywhere, aligned, or over a page's end. */
  repoint(pointer: number): void {
    const random = this.#random;
    const source = this.#anyRegister();
    const kind = random.below(3);
    if (kind === 2) {
      this.emit('andi', {rd: pointer, rs1: source, imm: 63});
      this.emit('add', {rd: pointer, rs1: pointer, rs2: REG.scratchHigh});
      return;
    }
    this.emit('slli', {rd: pointer, rs1: source, imm: 64 - POINTER_BITS});
    this.emit('srli', {rd: pointer, rs1: pointer, imm: 64 - POINTER_BITS + 3 * kind});
    if (kind === 1) this.emit('slli', {rd: pointer, rs1: pointer, imm: 3});
    this.emit('add', {rd: pointer, rs1: pointer, rs2: REG.scratchLow});
  }

  /** Sets a rounding mode and flags; half of the time those where the host's own arithmetic serves. */
  floatModes(): void {
    const random = this.#random;
    const [rounding, flags] = random.chance(50) ? [0, 1] : [random.below(5), random.chance(50) ? 0 : random.below(32)];
    this.emit('csrrwi', {rs1: rounding, imm: FRM});
    this.emit('csrrwi', {rs1: flags, imm: FFLAGS});
  }

  /** Puts the return address on the stack. */
  push(): void {
    this.emit('addi', {rd: REG.stack, rs1: REG.stack, imm: -16});
    this.emit('sd', {rs1: REG.stack, rs2: 1});
  }

  pop(): void {
    this.emit('ld', {rd: 1, rs1: REG.stack});
    this.emit('addi', {rd: REG.stack, rs1: REG.stack, imm: 16});
  }

  /** A conditional branch. */
  branch(label: string): void {
    const record = this.#random.pick(vocabulary.branches);
    this.to(label, record.name, {rs1: this.#anyRegister(), rs2: this.#anyRegister()});
  }

  call({label, link, skips, isRecursive}: Callee): void {
    const random = this.#random;
    if (isRecursive) {
      const deepest = random.chance(10) ? 255 : random.pick([3, 15]);
      this.emit('andi', {rd: REG.depth, rs1: this.#anyRegister(), imm: deepest});
    }
    const pointer = random.pick(this.#options.targets.filter((register) => register !== 1));
    switch (random.below(link === 1 ? 3 : 2)) {
      case 0:
        this.to(label, 'jal', {rd: link});
        break;
      case 1:
        this.#address(pointer, label);
        this.emit('jalr', {rd: link, rs1: pointer});
        break;
      case 2:
        this.far(label, 1, 1);
        break;
    }
    if (skips)
      this.emit(random.pick(['addi', 'xori']), {rd: pointer, rs1: this.#anyRegister(), imm: this.#immediate()});
  }

  /** A call or jump of any distance, to a label that has been placed. */
  far(label: string, rd: number, through: number): void {
    const distance = this.#a.addressOf(label) - this.#a.here;
    const imm = (distance << 20) >> 20;
    this.emit('auipc', {rd: through, imm: distance - imm});
    this.emit('jalr', {rd, rs1: through, imm});
  }

  newLabel(kind: string): string {
    return `${kind} ${this.#name}.${this.#labels++}`;
  }

  /** Any register; often the one written last, so that instructions depend on each other as in real code. */
  #anyRegister(): number {
    return this.#random.chance(20) ? this.#last : this.#random.below(32);
  }

  #record(record: Instruction, fields: Fields): void {
    this.#list(record, encode(record, fields));
    this.#a.word(encode(record, fields));
  }

  #list(record: Instruction, bits: number, prefix = ''): void {
    const rd = (bits >>> 7) & 31;
    const isF = record.files.rd === 'f';
    const writesRegister = !['S', 'B', 'none'].includes(record.format) && record.files.rd !== 'none';
    if (writesRegister && !isF) this.#last = rd;
    this.#line(writesRegister ? `${isF ? 'f' : 'x'}${rd}` : '', () => prefix + describe(record, bits));
  }

  #line(writes: string, text: () => string): void {
    this.lines.push({address: this.#a.here, text, writes});
  }

  #address(rd: number, label: string): void {
    this.#line(`x${rd}`, () => `la x${rd}, ${label}`);
    this.#a.loadAddress(rd, label);
  }

  #target(record: Instruction): number {
    if (record.files.rd === 'f') return this.#random.below(32);
    return this.#random.chance(3) ? 0 : this.#free();
  }

  #free(): number {
    return this.#random.pick(this.#options.targets);
  }

  /** One random step: an instruction or a short sequence. */
  #unit(): void {
    const random = this.#random;
    const dice = random.below(200);
    if (dice < 96) this.#computation();
    else if (dice < 122) this.#compressed();
    else if (dice < 138) this.#load();
    else if (dice < 150) this.#store();
    else if (dice < 156) this.poolLoad(random.pick(['ld', 'fld', 'flw']), this.#free());
    else if (dice < 162) this.#atomic();
    else if (dice < 174) this.#skip();
    else if (dice < 177) this.#jump();
    else if (dice < 179) this.#jumpTable();
    else if (dice < 181) this.#loop();
    else if (dice < 183) this.#stream();
    else if (dice < 186) this.#movePointer();
    else if (dice < 189) this.#callSome();
    else if (dice < 199) this.#flags();
    else this.emit(random.chance(80) ? 'fence' : 'fence.i', {imm: 0});
  }

  #computation(): void {
    const random = this.#random;
    const record = random.pick(vocabulary.computations);
    let rs1 = this.#anyRegister();
    if (record.name === 'ctzw') {
      // QEMU 7.2 counts past bit 31 when the low word is zero (test/engine/isa/zbb.test.ts has that case): avoid it.
      const word = this.#free();
      this.emit('ori', {rd: word, rs1, imm: 1 << random.below(11)});
      rs1 = word;
    }
    this.#record(record, {
      rd: this.#target(record),
      rs1,
      rs2: random.chance(10) ? this.#anyRegister() & 3 : this.#anyRegister(),
      rs3: this.#anyRegister(),
      imm: record.format === 'U' ? random.u32() & -4096 : this.#immediate(),
      rounding: random.chance(60) ? 7 : random.below(5),
    });
  }

  #immediate(): number {
    return this.#random.chance(20)
      ? this.#random.pick([0, 1, -1, 2047, -2048, 31, 32, 63])
      : (this.#random.u32() << 20) >> 20;
  }

  #compressed(): void {
    const {bits, record, long} = vocabulary.randomCompressed(this.#random, this.#options.targets);
    this.#list(record, long, 'c: ');
    this.#a.half(bits);
  }

  /** A scratch address: base register and offset, mostly aligned; half of the offsets near each other. */
  #place(bytes: number): {rs1: number; imm: number} {
    const random = this.#random;
    const offset = random.chance(50) ? random.below(128) - 64 : (random.u32() << 20) >> 20;
    return {rs1: random.pick(bases), imm: random.chance(15) ? offset : offset & -bytes};
  }

  #load(): void {
    const record = this.#random.pick(vocabulary.loads);
    this.#record(record, {rd: this.#target(record), ...this.#place(vocabulary.accessBytes(record))});
  }

  #store(): void {
    const record = this.#random.pick(vocabulary.stores);
    this.#record(record, {rs2: this.#anyRegister(), ...this.#place(vocabulary.accessBytes(record))});
  }

  /** An AMO or an LR/SC pair, on an address computed into a free register. */
  #atomic(): void {
    const random = this.#random;
    const pointer = this.#free();
    const suffix = random.pick(['w', 'd']);
    const imm = ((random.u32() << 20) >> 20) & (suffix === 'w' ? -4 : -8);
    this.emit('addi', {rd: pointer, rs1: REG.scratchLow, imm});
    if (random.chance(25)) {
      const others = this.#options.targets.filter((register) => register !== pointer);
      this.emit(`lr.${suffix}`, {rd: random.pick(others), rs1: pointer});
      this.emit(`sc.${suffix}`, {rd: random.pick(others), rs1: pointer, rs2: this.#anyRegister()});
      // The reservation is gone.
      if (random.chance(20)) this.emit(`sc.${suffix}`, {rd: this.#free(), rs1: pointer, rs2: this.#anyRegister()});
      return;
    }
    const record = random.pick(vocabulary.atomics.filter(({name}) => name.endsWith(suffix)));
    this.#record(record, {rd: this.#target(record), rs1: pointer, rs2: this.#anyRegister()});
  }

  /** A conditional branch over a few units. */
  #skip(): void {
    const random = this.#random;
    const label = this.newLabel('skip');
    if (random.chance(30)) {
      const name = random.pick(['c.beqz', 'c.bnez', 'c.j'] as const);
      const register = 8 + random.below(8);
      this.#line('', () => `${name} x${register}`);
      this.#a.toCompressed(label, (distance) => vocabulary.compressedJump(name, distance, register));
      for (let i = random.below(2); i >= 0; i--) this.#computation();
    } else {
      this.branch(label);
      this.units(1 + random.below(5));
    }
    this.#a.label(label);
  }

  /** A jump over a unit, direct or through a register. */
  #jump(): void {
    const random = this.#random;
    const label = this.newLabel('jump');
    const link = random.chance(50) ? 0 : this.#free();
    if (random.chance(50)) this.to(label, 'jal', {rd: link});
    else {
      const pointer = this.#free();
      this.#address(pointer, label);
      if (random.chance(50)) this.emit('jalr', {rd: link, rs1: pointer});
      else {
        // c.jalr writes x1, which is not everybody's to write.
        const isLinking = this.#options.targets.includes(1) && random.chance(50);
        this.#line(isLinking ? 'x1' : '', () => `${isLinking ? 'c.jalr' : 'c.jr'} x${pointer}`);
        this.#a.half((isLinking ? 0x9002 : 0x8002) | (pointer << 7));
      }
    }
    this.units(1);
    this.#a.label(label);
  }

  /** A jump to one of a few cases, chosen by what a register holds. */
  #jumpTable(): void {
    const random = this.#random;
    const [cases, end] = [this.newLabel('cases'), this.newLabel('cases end')];
    const count = random.pick([2, 4, 8]);
    const [index, pointer] = [this.#free(), this.#free()];
    if (index === pointer) return;
    this.emit('andi', {rd: index, rs1: this.#anyRegister(), imm: count - 1});
    this.emit('slli', {rd: index, rs1: index, imm: Math.log2(CASE_BYTES)});
    this.#address(pointer, cases);
    this.emit('add', {rd: pointer, rs1: pointer, rs2: index});
    this.emit('jalr', {rs1: pointer});
    this.#a.label(cases);
    for (let i = 0; i < count; i++) {
      const last = this.#a.here + CASE_BYTES - 4;
      for (let left = random.below(3); left >= 0; left--) this.#computation();
      while (this.#a.here < last) this.emit('addi', {rd: 0});
      this.to(end, 'jal');
    }
    this.#a.label(end);
  }

  /** A loop of some turns, tested at its end or its start, perhaps left or entered in the middle; loops do not nest. */
  #loop(): void {
    const random = this.#random;
    if (!this.#options.isBlock || this.#turns > 1) {
      this.#computation();
      return;
    }
    const [top, middle, end] = [this.newLabel('loop'), this.newLabel('middle'), this.newLabel('loop end')];
    const isTestedFirst = random.chance(30);
    const turns = random.chance(80) ? 2 + random.below(4) : 6 + random.below(12);
    this.emit('addi', {rd: REG.loop, imm: turns});
    this.#turns = turns;
    if (random.chance(15)) this.branch(middle);
    this.#a.label(top);
    if (isTestedFirst) this.to(end, 'beq', {rs1: REG.loop});
    this.units(1 + random.below(4));
    if (random.chance(20)) this.branch(end);
    this.#a.label(middle);
    this.units(1 + random.below(4));
    this.#turns = 1;
    this.emit('addi', {rd: REG.loop, rs1: REG.loop, imm: -1});
    if (isTestedFirst) this.to(top, 'jal');
    else this.to(top, 'bne', {rs1: REG.loop});
    this.#a.label(end);
  }

  /** A small loop that walks through memory, as copies, sums and searches do. */
  #stream(): void {
    const random = this.#random;
    if (!this.#options.isBlock || this.#turns > 1) {
      this.#computation();
      return;
    }
    const top = this.newLabel('stream');
    this.#turns = 3 + random.below(40);
    this.emit('addi', {rd: REG.loop, imm: this.#turns});
    this.#a.label(top);
    const pointers = random.chance(50) ? REG.pointers : [random.pick(REG.pointers)];
    const steps = [
      ...Array.from({length: 1 + random.below(3)}, () => () => this.#access(random.pick(pointers))),
      ...Array.from({length: random.below(3)}, () => () => this.#computation()),
      ...pointers.map((pointer) => () => this.#step(pointer, random.pick([1, 2, 4, 4, 8, 8, 8, 16, -1, -8]))),
    ];
    while (steps.length > 0) for (const step of steps.splice(random.below(steps.length), 1)) step();
    this.#turns = 1;
    this.emit('addi', {rd: REG.loop, rs1: REG.loop, imm: -1});
    this.to(top, 'bne', {rs1: REG.loop});
  }

  /** A load or store close to a pointer, that some turns may skip. */
  #access(pointer: number): void {
    const random = this.#random;
    const record = random.pick(random.chance(60) ? vocabulary.loads : vocabulary.stores);
    const offset = random.below(64) - 32;
    const imm = random.chance(10) ? offset : offset & -vocabulary.accessBytes(record);
    const end = this.newLabel('access');
    if (random.chance(15)) this.branch(end);
    this.#record(record, {rd: this.#target(record), rs1: pointer, rs2: this.#anyRegister(), imm});
    this.#a.label(end);
  }

  /** Moves a pointer on, or somewhere else. */
  #movePointer(): void {
    const random = this.#random;
    const pointer = random.pick(REG.pointers);
    if (!this.#options.isBlock) this.#computation();
    else if (random.chance(30)) this.repoint(pointer);
    else this.#step(pointer, random.pick([1, -1, 2, 4, 8, -8, 16, 64, random.below(200) - 100]));
  }

  /** Adds to a pointer where that cannot take it out of the scratch memory in the present turn. */
  #step(pointer: number, stride: number): void {
    const drift = this.#drift + Math.abs(stride) * this.#turns;
    if (drift > MAX_DRIFT) {
      this.repoint(pointer);
      return;
    }
    this.#drift = drift;
    this.emit('addi', {rd: pointer, rs1: pointer, imm: stride});
  }

  #callSome(): void {
    // A deep recursion in a loop would be most of what a program does.
    const callees = this.#options.callees.filter(({isRecursive}) => !isRecursive || this.#turns === 1);
    if (callees.length === 0) this.#computation();
    else this.call(this.#random.pick(callees));
  }

  /** Accesses to fcsr that leave a valid rounding mode. */
  #flags(): void {
    const random = this.#random;
    const rd = this.#free();
    const [name, fields] = random.pick<[string, Fields]>([
      ['csrrwi', {rd, rs1: random.below(5), imm: FRM}],
      ['csrrwi', {rd, rs1: random.below(32), imm: FCSR}],
      [random.pick(['csrrwi', 'csrrsi', 'csrrci']), {rd, rs1: random.below(32), imm: FFLAGS}],
      [random.pick(['csrrw', 'csrrs', 'csrrc']), {rd, rs1: this.#anyRegister(), imm: FFLAGS}],
      ['csrrs', {rd, imm: random.pick([FFLAGS, FRM, FCSR])}],
      ['csrrwi', {rs1: random.chance(70) ? 1 : 0, imm: FFLAGS}],
    ]);
    this.emit(name, fields);
  }
}
