/**
 * The lowering that makes one interpreter handler of a record: operands are fields of the decoded op that the `op`
 * local points at (see `interpreter-frame.ts`), registers are hart memory.
 */

import {CAUSE} from '../hart/causes.js';
import * as H from '../hart/layout.js';
import type {Instruction} from '../isa/instruction.js';
import type {
  AtomicOp,
  CsrOp,
  Expr,
  I32,
  I64,
  LoadKind,
  Lowering,
  Register,
  SystemOp,
  ValueType,
  Variable,
} from '../isa/lowering.js';
import {CODE_WRITES} from '../memory/header.js';
import {OP_BYTES, TLB_BYTES} from '../memory/layout.js';
import {type AtomicSite, lowerAtomic, lowerFence, lowerLoadReserved, lowerStoreConditional} from './atomics.js';
import {CSR_NUMBER_BITS, lowerCsr, written} from './csr-path.js';
import {InterpreterFloats} from './interpreter-floats.js';
import {ACCESS_CODES, CSR_CODES, type Frame, OP_FIELD, type Shape, SYSTEM_CODES, TOKENS} from './interpreter-frame.js';
import type {LocalPool} from './local-pool.js';
import {SATP} from './tlb-control.js';
import {entryOffset} from './tlb-fill.js';
import type {MissFunctions} from './tlb-miss.js';
import {lowerMaySret} from './trap-path.js';
import {choose, f32, f64, get, i32, i64, type Local, select} from './wasm/expression.js';
import {callExpr, type FunctionBuilder} from './wasm/function.js';

const PAGE_MASK = -4096n;

/** Lowers one instruction of a handler; a fused handler uses one object per part. */
export class InterpreterLowering extends InterpreterFloats implements Lowering {
  readonly i32 = i32;
  readonly i64 = i64;
  readonly f32 = f32;
  readonly f64 = f64;
  readonly select = select;
  readonly choose = choose;
  readonly #f: FunctionBuilder;
  readonly #instruction: Instruction;
  readonly #shape: Shape;
  #csrStatus: Local<'i32'> | undefined;

  constructor(frame: Frame, pool: LocalPool, instruction: Instruction, shape: Shape) {
    super(frame, pool);
    this.#f = frame.f;
    this.#instruction = instruction;
    this.#shape = shape;
  }

  /** Emits the whole instruction, up to and including the step to the next op (but not its dispatch). */
  emit(): void {
    if (this.#instruction.isFloat) this.#requireFloat();
    this.#instruction.lower(this, TOKENS);
    if (this.#csrStatus) {
      this.#f.if(
        i32.eq(get(this.#csrStatus), i32.const(2)),
        () => this.#goOn(this.nextPc(), true),
        undefined,
        'unlikely',
      );
    }
    this.#f.set(this.frame.op, i32.add(this.#op(), i32.const((this.#shape.length / 2) * OP_BYTES)));
  }

  variable<T extends ValueType>(type: T): Variable<T> {
    return this.pool.take(type);
  }

  get<T extends ValueType>(variable: Variable<T>): Expr<T> {
    return get(variable);
  }

  set<T extends ValueType>(variable: Variable<T>, value: Expr<T>): void {
    this.#f.set(variable, value);
  }

  if(condition: I32, then: () => void, otherwise?: () => void, hint?: 'likely' | 'unlikely'): void {
    this.#f.if(condition, then, otherwise, hint);
  }

  x(register: Register): I64 {
    if (this.#instruction.format === 'csri') return i64.extendU(this.field(register));
    return i64.load(this.field(register));
  }

  x32(register: Register): I32 {
    return i32.load(this.field(register));
  }

  setX(register: Register, value: I64): void {
    this.#f.store(8, this.field(register), value);
  }

  setX32(register: Register, value: I32): void {
    this.setX(register, i64.extendS(value));
  }

  imm(): I64 {
    return i64.load32s(this.#op(), OP_FIELD.imm);
  }

  imm32(): I32 {
    return i32.load(this.#op(), OP_FIELD.imm);
  }

  /** The decoder has added the instruction's offset in its page to the immediate. */
  pcPlusImm(): I64 {
    return i64.add(get(this.frame.pagePc), this.imm());
  }

  nextPc(): I64 {
    return i64.add(get(this.frame.pagePc), i64.load16u(this.#op(), OP_FIELD.extra));
  }

  load(kind: LoadKind, address: I64): I64 {
    const bytes = kind === 'u64' ? 8 : kind === 's32' || kind === 'u32' ? 4 : kind === 's16' || kind === 'u16' ? 2 : 1;
    const host = this.pool.take('i32');
    this.#lookup(host, address, bytes, 0, (vaddr) => this.#miss('load', vaddr, i32.const(bytes)));
    const at = get(host);
    switch (kind) {
      case 's8':
        return this.let(i64.load8s(at));
      case 'u8':
        return this.let(i64.load8u(at));
      case 's16':
        return this.let(i64.load16s(at));
      case 'u16':
        return this.let(i64.load16u(at));
      case 's32':
        return this.let(i64.load32s(at));
      case 'u32':
        return this.let(i64.load32u(at));
      case 'u64':
        return this.let(i64.load(at));
    }
  }

  store(bytes: 1 | 2 | 4 | 8, address: I64, value: I64): void {
    const {vaddr, entry} = this.#entry(address, TLB_BYTES);
    this.#f.if(
      i64.eq(i64.load(entry), i64.and(vaddr, i64.const(PAGE_MASK | BigInt(bytes - 1)))),
      () => this.#f.store(bytes, i32.add(i32.wrap(vaddr), i32.load(entry, 8)), value),
      () => {
        const status = this.#miss('store', vaddr, i32.const(bytes), value);
        this.#f.brIf(this.frame.redirect, status, 'unlikely');
      },
      'likely',
    );
  }

  atomic(op: AtomicOp, bytes: 4 | 8, address: I64, value: I64): I64 {
    const at = this.#atomicAddress(ACCESS_CODES.atomic, bytes, address);
    const old = this.pool.take('i64');
    lowerAtomic(this.#atomicSite(), op, bytes, at, value, old);
    return get(old);
  }

  loadReserved(bytes: 4 | 8, address: I64): I64 {
    const at = this.#atomicAddress(ACCESS_CODES.loadReserved, bytes, address);
    const value = this.pool.take('i64');
    lowerLoadReserved(this.#atomicSite(), bytes, at, value);
    return get(value);
  }

  storeConditional(bytes: 4 | 8, address: I64, value: I64): I64 {
    const at = this.#atomicAddress(ACCESS_CODES.atomic, bytes, address);
    const failed = this.pool.take('i64');
    lowerStoreConditional(this.#atomicSite(), bytes, at, value, failed);
    return get(failed);
  }

  zeroBlock(address: I64): void {
    const {hart} = this.frame;
    const allowed = i32.shrU(i32.load(get(hart), H.ZERO_BLOCK_ALLOWED), i32.load(get(hart), H.PRIVILEGE));
    this.illegalIf(i32.eqz(i32.and(allowed, i32.const(1))));
    const block = this.let(i64.and(address, i64.const(-64)));
    const at = this.#atomicAddress(ACCESS_CODES.zeroBlock, 8, block);
    for (let offset = 0; offset < 64; offset += 8) this.#f.store(8, at, i64.const(0), offset);
  }

  fence(): void {
    lowerFence(this.#atomicSite(), this.imm32());
  }

  branch(condition: I32): void {
    this.#f.if(condition, () => this.jump());
  }

  jump(): void {
    const {op, acc, hart, again, poll, jump, heat, target} = this.frame;
    if (this.#shape.isFar) {
      this.#f.set(target, this.pcPlusImm());
      this.#retire();
      this.#f.br(jump);
      return;
    }
    const to = this.let(i32.add(this.#op(), i32.load(this.#op(), OP_FIELD.imm)));
    this.#retire();
    this.#f.set(acc, i32.sub(get(acc), i32.load16s(to, OP_FIELD.sequence)));
    const isForward = this.pool.take('i32');
    if (heat) this.#f.set(isForward, i32.gtU(to, this.#op()));
    this.#f.set(op, to);
    this.#f.brIf(poll, i32.geS(get(acc), i32.load(get(hart), H.LIMIT)), 'unlikely');
    if (heat) this.#f.brIf(heat, i32.eqz(get(isForward)));
    this.#f.br(again);
  }

  jumpTo(address: I64): void {
    const {isIndirect, hart} = this.frame;
    if (isIndirect) {
      // No link is written and none is followed: neither a call nor a return.
      const link = i32.add(get(hart), i32.const(H.X + 8));
      const isReturn = i32.or(
        i32.eq(this.field(TOKENS.rs1), link),
        i32.eq(this.field(TOKENS.rs1), i32.add(link, i32.const(4 * 8))),
      );
      const isCall = i32.ne(this.field(TOKENS.rd), i32.add(get(hart), i32.const(H.SINK)));
      this.#f.set(isIndirect, i32.eqz(i32.or(isReturn, isCall)));
    }
    this.#f.set(this.frame.target, address);
    this.#retire();
    this.#f.br(this.frame.jump);
  }

  csr(op: CsrOp, source: I64, isWrite: boolean): I64 {
    const {hart, runtime, control, redirect} = this.frame;
    const status = this.pool.take('i32');
    const old = this.pool.take('i64');
    const slow = () => {
      this.#sync();
      this.#f.store(8, get(hart), source, H.SCRATCH);
      const number = i32.and(this.imm32(), i32.const((1 << CSR_NUMBER_BITS) - 1));
      const args = [number, i32.const(CSR_CODES[op]), i32.const(isWrite ? 1 : 0)];
      this.#f.set(status, callExpr(runtime.csr, 'i32', ...args));
      this.#f.brIf(redirect, i32.eqz(get(status)), 'unlikely');
      this.#f.set(old, i64.load(get(hart), H.SCRATCH));
    };
    this.#csrStatus = status;
    const {csr = 'call'} = this.#shape;
    if (csr === 'call') {
      slow();
      return get(old);
    }
    if (csr === 'satp') {
      this.#f.set(old, i64.load(get(hart), SATP));
      const value = written({op, source}, get(old));
      this.#f.set(status, isWrite ? callExpr(control.writeSatp, 'i32', get(hart), value) : i32.const(0));
      this.#f.if(i32.eqz(get(status)), slow);
      return get(old);
    }
    this.#f.set(status, i32.const(1));
    const take = (type: 'i64') => this.pool.take(type);
    const {f} = this.frame;
    const number = i32.and(this.imm32(), i32.const((1 << CSR_NUMBER_BITS) - 1));
    const detail = i32.shrU(this.imm32(), i32.const(CSR_NUMBER_BITS));
    lowerCsr(csr, {f, hart, number, detail, op, source, isWrite, old, take, slow, time: runtime.time});
    return get(old);
  }

  system(op: SystemOp): void {
    const {f, hart, traps, control, hasSbi} = this.frame;
    const privilege = i32.load(get(hart), H.PRIVILEGE);
    switch (op) {
      case 'ecall':
        if (hasSbi) f.if(i32.eq(privilege, i32.const(1)), () => this.#callSystem(op));
        this.#enterTrap(i32.add(privilege, i32.const(CAUSE.ecallU)), i64.const(0));
        return;
      case 'ebreak':
        this.#enterTrap(i32.const(CAUSE.breakpoint), this.#pc());
        return;
      case 'sret':
        this.illegalIf(i32.eqz(lowerMaySret(hart)));
        this.#goOn(callExpr(traps.leaveSupervisor, 'i64', get(hart)), true);
        return;
      case 'mret':
        this.illegalIf(i32.ltU(privilege, i32.const(3)));
        this.#goOn(callExpr(traps.leaveMachine, 'i64', get(hart)), true);
        return;
      case 'fence.i': {
        // Nothing was written into code, and nothing is being watched: as most often.
        const isNeeded = i32.ne(i32.atomicLoad(i32.const(CODE_WRITES)), i32.load(get(hart), H.SEEN_WRITES));
        f.if(isNeeded, () => this.#callSystem(op));
        this.jumpTo(this.nextPc());
        return;
      }
      case 'sfence.vma':
        f.if(callExpr(control.fencePage, 'i32', get(hart), this.field(TOKENS.rs1), this.field(TOKENS.rs2)), () =>
          this.#goOn(this.nextPc(), true),
        );
        this.#callSystem(op);
        return;
      default:
        this.#callSystem(op);
    }
  }

  illegalIf(condition: I32): void {
    this.#f.if(
      condition,
      () => {
        this.#sync();
        this.#f.call(this.frame.runtime.illegal);
        this.#f.br(this.frame.redirect);
      },
      undefined,
      'unlikely',
    );
  }

  #op(): I32 {
    return get(this.frame.op);
  }

  /** Counts this instruction as retired and this run of ops as left. */
  #retire(): void {
    this.#leave(1);
  }

  /** Counts the instructions of this run of ops that are behind us. */
  #leave(own: 0 | 1): void {
    const {acc} = this.frame;
    this.#f.set(acc, i32.add(i32.add(get(acc), i32.load16s(this.#op(), OP_FIELD.sequence)), i32.const(own)));
  }

  /** Address of this instruction. */
  #pc(): I64 {
    const {op, pageOps, pagePc} = this.frame;
    return i64.add(get(pagePc), i64.extendS(i32.shrS(i32.sub(get(op), get(pageOps)), i32.const(3))));
  }

  #callSystem(op: keyof typeof SYSTEM_CODES): void {
    this.#sync();
    this.#f.call(this.frame.runtime.system, i32.const(SYSTEM_CODES[op]));
    this.#f.br(this.frame.redirect);
  }

  #enterTrap(cause: I32, tval: I64): void {
    const {hart, traps} = this.frame;
    this.#goOn(callExpr(traps.enter, 'i64', get(hart), cause, i32.const(0), tval, this.#pc()), false);
  }

  /** Goes on in another mode. */
  #goOn(address: I64, isRetired: boolean): void {
    const {f, target, pagePc, jump} = this.frame;
    f.set(target, address);
    this.#leave(isRetired ? 1 : 0);
    // No page address, so that the present page is looked up anew too.
    f.set(pagePc, i64.const(1));
    f.br(jump);
  }

  /** Makes the run state visible to the runtime. */
  #sync(): void {
    const {hart, op, acc} = this.frame;
    this.#f.store(4, get(hart), get(op), H.OP);
    this.#f.store(4, get(hart), get(acc), H.ACC);
  }

  /** A call of the slow path of an access. */
  #miss(kind: keyof MissFunctions, vaddr: I64, ...rest: readonly Expr[]): I32 {
    const {hart, op, acc, misses} = this.frame;
    return callExpr(misses[kind], 'i32', get(hart), get(op), get(acc), vaddr, ...rest);
  }

  /** The address, bound, and its TLB entry. */
  #entry(address: I64, kindOffset: number): {vaddr: I64; entry: I32} {
    const vaddr = this.let(address);
    const bank = i32.load(get(this.frame.hart), H.DATA_BANK);
    const base = kindOffset === 0 ? bank : i32.add(bank, i32.const(kindOffset));
    return {vaddr, entry: this.let(i32.add(base, entryOffset(vaddr)))};
  }

  /** Sets `host` to the host address of a guest access, from `miss` when the TLB has none (-1: it trapped). */
  #lookup(host: Local<'i32'>, address: I64, bytes: number, kindOffset: number, miss: (vaddr: I64) => I32): void {
    const {vaddr, entry} = this.#entry(address, kindOffset);
    this.#f.set(host, i32.add(i32.wrap(vaddr), i32.load(entry, 8)));
    this.#f.if(
      i64.ne(i64.load(entry), i64.and(vaddr, i64.const(PAGE_MASK | BigInt(bytes - 1)))),
      () => {
        this.#f.set(host, miss(vaddr));
        this.#f.brIf(this.frame.redirect, i32.eq(get(host), i32.const(-1)), 'unlikely');
      },
      undefined,
      'unlikely',
    );
  }

  #atomicAddress(access: number, bytes: number, address: I64): I32 {
    const host = this.pool.take('i32');
    const kindOffset = access === ACCESS_CODES.loadReserved ? 0 : TLB_BYTES;
    this.#lookup(host, address, bytes, kindOffset, (vaddr) =>
      this.#miss('translate', vaddr, i32.const(bytes), i32.const(access)),
    );
    return get(host);
  }

  #atomicSite(): AtomicSite {
    const {f, hart, concurrency} = this.frame;
    return {f, hart, concurrency, take: (type) => this.pool.take(type)};
  }

  #requireFloat(): void {
    const {hart, runtime, redirect} = this.frame;
    const dirty = i32.const(0x6000);
    this.#f.if(
      i32.ne(i32.and(i32.load(get(hart), H.CSRS), dirty), dirty),
      () => {
        this.#sync();
        this.#f.brIf(redirect, i32.eqz(callExpr(runtime.floatState, 'i32')), 'unlikely');
      },
      undefined,
      'unlikely',
    );
  }
}
