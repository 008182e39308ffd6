/**
 * Memory accesses of a region: the TLB lookup inline, everything rarer in calls that are marked unlikely, what those
 * cannot do in the interpreter.
 */
import {PAGE_BYTES, TLB_BYTES} from '../../memory/layout.js';
import {entryOffset} from '../tlb-fill.js';
import {get, type I32, type I64, i32, i64, type Local} from '../wasm/expression.js';
import {callExpr, type Label} from '../wasm/function.js';
import type {AccessGroup} from './access-groups.js';
import type {RegionEmitter} from './emitter.js';
import type {Proof, ProvenPlace} from './graph.js';

const PAGE_MASK = -4096n;

/** What an access needs of its page. */
export type AccessKind = 'read' | 'write';

/** Where an access finds its bytes: address + offset. */
export interface HostPlace {
  readonly address: I32;
  readonly offset: number;
}

/** Host addresses of what guards have proven, for the blocks behind them. */
export type Proven = Map<Proof, Local<'i32'>>;

/** Emits the lookups of a guard; branches to `failed` when one of them does not succeed. */
export function emitGuard(emitter: RegionEmitter, proofs: readonly Proof[], failed: Label, proven: Proven): void {
  const {f, pool} = emitter;
  const memory = new RegionMemory(emitter, proven);
  for (const proof of proofs) {
    pool.reset();
    const host = proven.get(proof) ?? f.local('i32');
    proven.set(proof, host);
    f.set(host, memory.certain(emitter.x(proof.register), proof, failed));
  }
}

/** Emits the address translation of one block's accesses. */
export class RegionMemory {
  readonly #emitter: RegionEmitter;
  /** Per group: host address of its lowest byte, 0 when the lookup failed. */
  readonly #groups = new Map<AccessGroup, Local<'i32'>>();
  readonly #proven: Proven;

  constructor(emitter: RegionEmitter, proven: Proven) {
    this.#emitter = emitter;
    this.#proven = proven;
  }

  /** Where an access that a guard has proven finds its bytes. */
  proven({proof, offset}: ProvenPlace): HostPlace {
    const host = this.#proven.get(proof);
    if (!host) throw new Error('an access before its guard');
    return {address: get(host), offset};
  }

  /** Host address of the start of a proof's span; branches to `failed` when the TLB does not have all of it. */
  certain(base: I64, {min, max, isWrite}: Proof, failed: Label): I32 {
    const {f, pool} = this.#emitter;
    const at = pool.take('i64');
    f.set(at, i64.add(base, i64.const(min)));
    const {entry, kindOffset} = this.#entry(get(at), isWrite ? 'write' : 'read');
    f.brIf(failed, isOutside(get(at), i64.load(entry, kindOffset), max - min), 'unlikely');
    return i32.add(i32.wrap(get(at)), i32.load(entry, kindOffset + 8));
  }

  /** Translates the access of `bytes` at base + offset, an op at `delta`, that belongs to a group. */
  inGroup(group: AccessGroup, base: I64, offset: number, bytes: number, kind: AccessKind, delta: number): HostPlace {
    const at = i64.add(base, i64.const(offset));
    if (group.size === 1) return {address: this.alone(at, bytes, kind, delta), offset: 0};
    const {f, pool} = this.#emitter;
    let proven = this.#groups.get(group);
    if (!proven) {
      proven = f.local('i32');
      this.#groups.set(group, proven);
      this.#prove(group, base, proven);
    }
    const distance = offset - group.min;
    const address = pool.take('i32');
    f.set(address, get(proven));
    f.if(
      i32.eqz(get(proven)),
      () => {
        const bound = pool.take('i64');
        f.set(bound, at);
        // Cannot wrap: host addresses of RAM lie above 64 KiB, distances below MAX_SPAN.
        f.set(address, i32.sub(this.#miss(get(bound), bytes, kind, delta), i32.const(distance)));
      },
      undefined,
      'unlikely',
    );
    return {address: get(address), offset: distance};
  }

  /** Translates one access by itself. */
  alone(address: I64, bytes: number, kind: AccessKind, delta: number): I32 {
    const {f, pool} = this.#emitter;
    const at = pool.take('i64');
    f.set(at, address);
    const {entry, kindOffset} = this.#entry(get(at), kind);
    const addend = pool.take('i32');
    f.set(addend, i32.load(entry, kindOffset + 8));
    f.if(
      isOutside(get(at), i64.load(entry, kindOffset), bytes),
      () => {
        const host = this.#miss(get(at), bytes, kind, delta);
        // In 64 bits, so that the address need not be kept as 32 as well.
        f.set(addend, i32.wrap(i64.sub(i64.extendU(host), get(at))));
      },
      undefined,
      'unlikely',
    );
    // The sum comes last: engines know that it fits 32 bits, and index memory with it as it is.
    return i32.add(i32.wrap(get(at)), get(addend));
  }

  /** Translates an access that must be aligned; others are the interpreter's. */
  aligned(address: I64, bytes: number, kind: AccessKind, delta: number): I32 {
    const {f, pool} = this.#emitter;
    const at = pool.take('i64');
    f.set(at, address);
    const {entry, kindOffset} = this.#entry(get(at), kind);
    const host = pool.take('i32');
    f.set(host, i32.add(i32.wrap(get(at)), i32.load(entry, kindOffset + 8)));
    f.if(
      i64.ne(i64.load(entry, kindOffset), i64.and(get(at), i64.const(PAGE_MASK | BigInt(bytes - 1)))),
      () => {
        const isMisaligned = i32.and(i32.wrap(get(at)), i32.const(bytes - 1));
        f.if(isMisaligned, () => this.#emitter.interpret(delta));
        f.set(host, this.#miss(get(at), bytes, kind, delta));
      },
      undefined,
      'unlikely',
    );
    return get(host);
  }

  #prove(group: AccessGroup, base: I64, proven: Local<'i32'>): void {
    const {f, pool} = this.#emitter;
    const at = pool.take('i64');
    f.set(at, i64.add(base, i64.const(group.min)));
    const {entry, kindOffset} = this.#entry(get(at), group.hasStore ? 'write' : 'read');
    const isInside = i32.eqz(isOutside(get(at), i64.load(entry, kindOffset), group.max - group.min));
    f.set(proven, i32.const(0));
    f.if(
      isInside,
      () => f.set(proven, i32.add(i32.wrap(get(at)), i32.load(entry, kindOffset + 8))),
      undefined,
      'likely',
    );
  }

  /** The host address of an access that the TLB has no entry for; the interpreter makes it when there is none. */
  #miss(at: I64, bytes: number, kind: AccessKind, delta: number): I32 {
    const {f, hart, module, pool} = this.#emitter;
    const target = kind === 'read' ? module.readAddress : module.writeAddress;
    const host = pool.take('i32');
    f.set(host, callExpr(target, 'i32', get(hart), at, i32.const(bytes)));
    f.if(i32.eq(get(host), i32.const(-1)), () => this.#emitter.interpret(delta), undefined, 'unlikely');
    return get(host);
  }

  #entry(at: I64, kind: AccessKind): {readonly entry: I32; readonly kindOffset: number} {
    const {f, pool, bank} = this.#emitter;
    const entry = pool.take('i32');
    f.set(entry, i32.add(get(bank), entryOffset(at)));
    return {entry: get(entry), kindOffset: kind === 'read' ? 0 : TLB_BYTES};
  }
}

/**
 * Not 0 when `bytes` at an address are not all in the page of a TLB entry's tag: one comparison, since the tag of the
 * right entry leaves the offset in the page. No address is its slot's empty tag's neighbour (see `mmu/tlb.ts`).
 */
function isOutside(at: I64, tag: I64, bytes: number): I32 {
  return i64.gtU(i64.xor(tag, at), i64.const(PAGE_BYTES - bytes));
}
