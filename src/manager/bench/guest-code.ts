/**
 * Kernels as an RV64 program for the `virt` machine, entered in M-mode without firmware. It runs each kernel again and
 * again for a while, prints a line `NAME TICKS RESULT` (hex; the ticks of the fastest pass), and powers off.
 *
 *   x1 return address of a pass    x2 fewest ticks    x3 start of the kernel's time    x4 result of a pass
 *   x5…x7 of the moment            x8… variables of the kernel; the printer's in between       x30 start of the pass
 */
import {Assembler} from '../../engine/debug/assembler.js';
import {writeElf} from '../../engine/debug/elf-writer.js';
import {memoryMap} from '../../engine/platform/memory-map.js';
import {
  type Code,
  type Condition,
  type D,
  type DoubleOp,
  type IntegerOp,
  KERNEL_BYTES,
  type Kernel,
  type Leave,
  MAX_VARIABLES,
  type X,
} from './code.js';

/** RAM the program needs. */
export const GUEST_MEMORY_BYTES = 16 << 20;

const [RA, BEST, BEGAN, RESULT, T0, T1, T2, VARIABLES, PASS] = [1, 2, 3, 4, 5, 6, 7, 8, 30];
// The printer's own, between passes.
const [VALUE, DIGITS, LINK] = [8, 9, 10];

const MTIME = memoryMap.aclint + 0xbff8;
const UART_LSR = 5;
const LSR_ROOM = 0x20;
const POWER_OFF = 0x5555;
const MSTATUS = 0x300;
const MSTATUS_FS = 0x6000;

const inverse: Readonly<Record<Condition, Condition>> = {
  eq: 'ne',
  ne: 'eq',
  lt: 'ge',
  ge: 'lt',
  ltu: 'geu',
  geu: 'ltu',
};

/** The program as an ELF file; each kernel runs for `ticks` of 10 MHz. */
export function buildGuest(kernels: readonly Kernel[], ticks: number): Uint8Array {
  const a = new Assembler(memoryMap.ram);
  const code = new GuestCode(a);
  a.loadConstant(T0, MSTATUS_FS);
  a.op('csrrs', {rd: 0, rs1: T0, imm: MSTATUS});
  kernels.forEach((kernel, index) => {
    measure(a, index, ticks);
    print(a, kernel.name);
  });
  a.loadConstant(T0, memoryMap.test);
  a.loadConstant(T1, POWER_OFF);
  a.op('sw', {rs1: T0, rs2: T1});
  a.label('off');
  a.to('off', 'jal');
  emitHex(a);
  emitPut(a);
  kernels.forEach((kernel, index) => {
    a.label(`kernel ${index}`);
    const result = code.begin(() => kernel.emit(code));
    a.op('addi', {rd: RESULT, rs1: result});
    a.op('jalr', {rs1: RA});
  });
  code.placeConstants();
  a.align(64);
  a.label('memory');
  const bytes = a.finish();
  const memoryBytes = a.here - memoryMap.ram + KERNEL_BYTES;
  return writeElf({entry: memoryMap.ram, segments: [{address: memoryMap.ram, bytes, memoryBytes}]});
}

function measure(a: Assembler, index: number, ticks: number): void {
  readTime(a, BEGAN);
  a.op('addi', {rd: BEST, imm: -1});
  a.label(`pass ${index}`);
  readTime(a, PASS);
  a.to(`kernel ${index}`, 'jal', {rd: RA});
  readTime(a, T1);
  a.op('sub', {rd: T0, rs1: T1, rs2: PASS});
  a.to(`slower ${index}`, 'bgeu', {rs1: T0, rs2: BEST});
  a.op('addi', {rd: BEST, rs1: T0});
  a.label(`slower ${index}`);
  a.op('sub', {rd: T1, rs1: T1, rs2: BEGAN});
  a.loadConstant(T0, ticks);
  a.to(`pass ${index}`, 'bltu', {rs1: T1, rs2: T0});
}

function readTime(a: Assembler, to: number): void {
  a.loadConstant(T0, MTIME);
  a.op('ld', {rd: to, rs1: T0});
}

function print(a: Assembler, name: string): void {
  const put = (text: string) => {
    for (const byte of Buffer.from(text)) {
      a.op('addi', {rd: T1, imm: byte});
      a.to('put', 'jal', {rd: RA});
    }
  };
  const putHex = (register: number) => {
    a.op('addi', {rd: VALUE, rs1: register});
    a.to('hex', 'jal', {rd: LINK});
  };
  put(`${name} `);
  putHex(BEST);
  put(' ');
  putHex(RESULT);
  put('\n');
}

/** Prints VALUE as 16 digits. */
function emitHex(a: Assembler): void {
  a.label('hex');
  a.op('addi', {rd: DIGITS, imm: 16});
  a.label('digit');
  a.op('srli', {rd: T1, rs1: VALUE, imm: 60});
  a.op('slli', {rd: VALUE, rs1: VALUE, imm: 4});
  a.op('sltiu', {rd: T2, rs1: T1, imm: 10});
  a.op('addi', {rd: T1, rs1: T1, imm: 0x30});
  a.to('put digit', 'bne', {rs1: T2});
  a.op('addi', {rd: T1, rs1: T1, imm: 0x61 - 0x3a});
  a.label('put digit');
  a.to('put', 'jal', {rd: RA});
  a.op('addi', {rd: DIGITS, rs1: DIGITS, imm: -1});
  a.to('digit', 'bne', {rs1: DIGITS});
  a.op('jalr', {rs1: LINK});
}

/** Prints the character in T1. */
function emitPut(a: Assembler): void {
  a.label('put');
  a.loadConstant(T0, memoryMap.uart);
  a.label('full');
  a.op('lbu', {rd: T2, rs1: T0, imm: UART_LSR});
  a.op('andi', {rd: T2, rs1: T2, imm: LSR_ROOM});
  a.to('full', 'beq', {rs1: T2});
  a.op('sb', {rs1: T0, rs2: T1});
  a.op('jalr', {rs1: RA});
}

/** Kernels lowered to instructions: a variable is a register. */
class GuestCode implements Code {
  readonly #a: Assembler;
  readonly #constants = new Map<bigint, string>();
  #labels = 0;
  #xCount = 0;
  #dCount = 0;

  constructor(a: Assembler) {
    this.#a = a;
  }

  /** Emits one kernel with variables of its own and returns the register of its result. */
  begin(emit: () => X): number {
    this.#xCount = 0;
    this.#dCount = 0;
    return emit().x;
  }

  /** Where 64-bit constants are loaded from. */
  placeConstants(): void {
    this.#a.align(8);
    for (const [value, label] of this.#constants) {
      this.#a.label(label);
      this.#a.doubleWord(value);
    }
  }

  x(): X {
    if (this.#xCount === MAX_VARIABLES) throw new Error('a kernel has too many variables');
    return {x: VARIABLES + this.#xCount++};
  }

  d(): D {
    if (this.#dCount === MAX_VARIABLES) throw new Error('a kernel has too many variables');
    return {d: this.#dCount++};
  }

  memory(to: X): void {
    this.#a.loadAddress(to.x, 'memory');
  }

  set(to: X, value: number | bigint): void {
    if (typeof value === 'number' && value === (value | 0)) this.#a.loadConstant(to.x, value);
    else this.#loadConstant(to.x, BigInt(value));
  }

  setD(to: D, value: number): void {
    const bits = new DataView(new ArrayBuffer(8));
    bits.setFloat64(0, value);
    this.#loadConstant(T0, bits.getBigUint64(0));
    this.#a.op('fmv.d.x', {rd: to.d, rs1: T0});
  }

  copy(to: X, from: X): void {
    this.#a.op('addi', {rd: to.x, rs1: from.x});
  }

  op(name: IntegerOp, to: X, a: X, b: X | number): void {
    if (typeof b !== 'number') this.#a.op(name, {rd: to.x, rs1: a.x, rs2: b.x});
    else if (name === 'sub') this.#a.op('addi', {rd: to.x, rs1: a.x, imm: -b});
    else this.#a.op(`${name}i`, {rd: to.x, rs1: a.x, imm: b});
  }

  opD(name: DoubleOp, to: D, a: D, b: D): void {
    this.#a.op(name, {rd: to.d, rs1: a.d, rs2: b.d});
  }

  lessOrEqual(to: X, a: D, b: D): void {
    this.#a.op('fle.d', {rd: to.x, rs1: a.d, rs2: b.d});
  }

  toDouble(to: D, from: X): void {
    this.#a.op('fcvt.d.l', {rd: to.d, rs1: from.x});
  }

  bitsOf(to: X, from: D): void {
    this.#a.op('fmv.x.d', {rd: to.x, rs1: from.d});
  }

  load(bytes: 1 | 8, to: X, base: X, offset = 0): void {
    this.#a.op(bytes === 1 ? 'lbu' : 'ld', {rd: to.x, rs1: base.x, imm: offset});
  }

  store(bytes: 1 | 8, value: X, base: X, offset = 0): void {
    this.#a.op(bytes === 1 ? 'sb' : 'sd', {rs1: base.x, rs2: value.x, imm: offset});
  }

  loadD(to: D, base: X, offset = 0): void {
    this.#a.op('fld', {rd: to.d, rs1: base.x, imm: offset});
  }

  storeD(value: D, base: X, offset = 0): void {
    this.#a.op('fsd', {rs1: base.x, rs2: value.d, imm: offset});
  }

  loop(body: (leave: Leave) => void): void {
    this.#repeat(body, (start) => this.#a.to(start, 'jal'));
  }

  repeatWhile(condition: Condition, a: X, b: X, body: (leave: Leave) => void): void {
    this.#repeat(body, (start) => this.#branch(start, condition, a, b));
  }

  when(condition: Condition, a: X, b: X, body: () => void): void {
    const end = this.#newLabel();
    this.#branch(end, inverse[condition], a, b);
    body();
    this.#a.label(end);
  }

  #repeat(body: (leave: Leave) => void, goBack: (start: string) => void): void {
    const start = this.#newLabel();
    const end = this.#newLabel();
    this.#a.label(start);
    body((condition, a, b) => this.#branch(end, condition, a, b));
    goBack(start);
    this.#a.label(end);
  }

  #branch(label: string, condition: Condition, a: X, b: X): void {
    this.#a.to(label, `b${condition}`, {rs1: a.x, rs2: b.x});
  }

  #loadConstant(to: number, value: bigint): void {
    const label = this.#constants.get(value) ?? this.#newLabel();
    this.#constants.set(value, label);
    this.#a.loadAddress(to, label);
    this.#a.op('ld', {rd: to, rs1: to});
  }

  #newLabel(): string {
    return `label ${this.#labels++}`;
  }
}
