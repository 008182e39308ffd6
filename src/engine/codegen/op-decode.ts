/**
 * Generated code that decodes runs of instructions into ops. What an instruction's op holds wherever it stands is
 * remembered by the instruction's bits in a table; the runtime fills in what is not there yet (`learn`), so that only it
 * knows instructions. Two of three are found in a Debian boot.
 *
 *   decode tables of a hart: instruction entries │ which handlers begin a fused one │ fused pairs, hashed
 */
import {OP_SEQUENCE} from '../hart/layout.js';
import {DECODE_TABLE_BYTES, PAGE_BYTES} from '../memory/layout.js';
import {get, type I32, i32, i64, type Local, select} from './wasm/expression.js';
import {callExpr, type FunctionBuilder, type FunctionRef} from './wasm/function.js';
import type {ModuleBuilder} from './wasm/module.js';

/** Instructions remembered; a power of two. */
export const DECODE_ENTRIES = 1 << 14;
/** Fields of an entry. `near` to `rs2` are the first eight bytes of the op; `far` is its handler for targets beyond its page. */
export const DECODE_ENTRY = {
  bits: 0,
  near: 4,
  rd: 6,
  rs1: 8,
  rs2: 10,
  immediate: 12,
  far: 16,
  traits: 18,
  rounding: 19,
} as const;
const ENTRY_BYTES = 20;
/** Bits of `traits`. A relative immediate counts from the instruction. */
export const DECODE_TRAIT = {branch: 1, auipc: 2, ends: 4, rounds: 8} as const;

const MAX_HANDLERS = 4096;
const FUSABLE_OFFSET = DECODE_ENTRIES * ENTRY_BYTES;
const PAIRS_OFFSET = FUSABLE_OFFSET + MAX_HANDLERS;
/** Places for fused pairs; a power of two, and few of them taken. */
const PAIRS = 2048;
const PAIR_BYTES = 8;
if (PAIRS_OFFSET + PAIRS * PAIR_BYTES > DECODE_TABLE_BYTES) throw new Error('the decode tables have too little room');

/** Handlers that decoding writes itself. */
export interface PlainHandlers {
  readonly decode: 0;
  readonly pageEnd: number;
  readonly straddle: number;
}

/** Offset of the entry of an instruction in the tables. */
export function entryOf(bits: number): number {
  return ((bits ^ (bits >>> 11) ^ (bits >>> 20)) & (DECODE_ENTRIES - 1)) * ENTRY_BYTES;
}

/** Writes the fused pairs into the tables at byte address `tables`. Throws when there are too many. */
export function putFusedPairs(
  u8: Uint8Array,
  i32s: Int32Array,
  tables: number,
  pairs: Iterable<readonly [first: number, next: number, fused: number]>,
): void {
  let count = 0;
  for (const [first, next, fused] of pairs) {
    if (first >= MAX_HANDLERS || ++count > PAIRS / 4) throw new Error('too many handlers for the decode tables');
    u8[tables + FUSABLE_OFFSET + first] = 1;
    const at = (place: number) => (tables + PAIRS_OFFSET + (place & (PAIRS - 1)) * PAIR_BYTES) >> 2;
    let place = first * PAIR_HASH + next;
    while (i32s[at(place)] !== 0) place++;
    i32s[at(place)] = (first << 16) | next;
    i32s[at(place) + 1] = fused;
  }
}
const PAIR_HASH = 31;

/**
 * Adds two exports:
 *   writeOp(tables, at, bits, page offset, bias) → not 0 when nothing falls through the op. An instruction that straddles
 *     pages passes `bias` 1: its page address is odd.
 *   decodeRun(tables, op, ops, source, copy) → where the run ended in the page | its first number << 16. `ops`, `source`
 *     and `copy` are those of the page; what is read from `source` is written to `copy`.
 * `learn` (bits) fills the entry of an instruction.
 */
export function buildOpDecode(module: ModuleBuilder, handlers: PlainHandlers, learn: FunctionRef): void {
  const writeOp = buildWriteOp(module, learn);
  const f = module.function('decodeRun', {params: ['i32', 'i32', 'i32', 'i32', 'i32'], results: ['i32']}, true);
  const [tables, op, ops, source, copy] = [0, 1, 2, 3, 4].map((i) => get(f.param(i, 'i32'))) as [
    I32,
    I32,
    I32,
    I32,
    I32,
  ];
  const begin = f.let(i32.shrU(i32.sub(op, ops), i32.const(3)));
  const at = f.local('i32');
  const offset = f.local('i32');
  const count = f.local('i32');
  const first = f.local('i32');
  const bits = f.local('i32');
  const isLast = f.local('i32');
  const step = (by: I32) => {
    const length = f.let(by);
    f.set(offset, i32.add(get(offset), length));
    f.set(at, i32.add(get(at), i32.shl(length, i32.const(3))));
  };
  const lengthOf = (half: I32) => select(i32.eq(i32.and(half, i32.const(3)), i32.const(3)), i32.const(4), i32.const(2));
  const isLong = () => i32.eq(i32.and(get(bits), i32.const(3)), i32.const(3));

  f.set(at, op);
  f.set(offset, begin);
  f.block((end) => {
    f.loop((again) => {
      f.if(i32.ne(i32.load16u(get(at)), i32.const(handlers.decode)), () => {
        // Decoded before: numbered backwards from there.
        f.set(first, i32.sub(i32.load16s(get(at), OP_SEQUENCE), get(count)));
        f.br(end);
      });
      f.set(count, i32.add(get(count), i32.const(1)));
      f.if(i32.geU(get(offset), i32.const(PAGE_BYTES)), () => {
        f.store(4, get(at), i32.const(PAGE_BYTES), IMMEDIATE);
        f.store(2, get(at), i32.const(handlers.pageEnd));
        f.br(end);
      });
      f.set(bits, i32.load16u(i32.add(source, get(offset))));
      f.store(2, i32.add(copy, get(offset)), get(bits));
      f.if(isLong(), () => {
        f.if(i32.eq(get(offset), i32.const(PAGE_BYTES - 2)), () => {
          f.store(2, get(at), i32.const(handlers.straddle));
          f.set(offset, i32.const(PAGE_BYTES));
          f.br(end);
        });
        const upper = f.let(i32.load16u(i32.add(source, get(offset)), 2));
        f.store(2, i32.add(copy, get(offset)), upper, 2);
        f.set(bits, i32.or(get(bits), i32.shl(upper, i32.const(16))));
      });
      f.set(isLast, callExpr(writeOp, 'i32', tables, get(at), get(bits), get(offset), i32.const(0)));
      step(lengthOf(get(bits)));
      f.brIf(again, i32.eqz(get(isLast)));
    });
  });
  const ended = f.let(select(i32.gtU(get(offset), i32.const(PAGE_BYTES)), i32.const(PAGE_BYTES), get(offset)));
  f.set(at, op);
  f.set(offset, begin);
  const index = f.local('i32');
  f.block((end) => {
    f.loop((again) => {
      f.brIf(end, i32.geU(get(index), get(count)));
      f.store(2, get(at), i32.add(get(first), get(index)), OP_SEQUENCE);
      fuse(f, {tables, copy, at, offset, left: i32.sub(get(count), get(index))});
      f.set(index, i32.add(get(index), i32.const(1)));
      step(lengthOf(i32.load16u(i32.add(copy, get(offset)))));
      f.br(again);
    });
  });
  f.return(i32.or(ended, i32.shl(get(first), i32.const(16))));
}

/** Where an op has its immediate. */
const IMMEDIATE = 8;
const EXTRA = 14;

interface Run {
  readonly tables: I32;
  readonly copy: I32;
  /** The op to fuse with those behind it, and its offset in the page. */
  readonly at: Local<'i32'>;
  readonly offset: Local<'i32'>;
  /** Ops of the run from this one on. */
  readonly left: I32;
}

/** Replaces the handler of an op by one that runs those behind it as well, as far as there are such. */
function fuse(f: FunctionBuilder, {tables, copy, at, offset, left}: Run): void {
  const handler = f.local('i32');
  const next = f.local('i32');
  const behind = f.local('i32');
  const others = f.local('i32');
  const key = f.local('i32');
  const place = f.local('i32');
  const pair = () =>
    i32.add(tables, i32.shl(i32.and(get(place), i32.const(PAIRS - 1)), i32.const(Math.log2(PAIR_BYTES))));
  f.set(handler, i32.load16u(get(at)));
  f.set(next, get(at));
  f.set(behind, get(offset));
  f.set(others, i32.sub(left, i32.const(1)));
  f.block((end) => {
    f.loop((again) => {
      f.brIf(end, i32.eqz(get(others)));
      f.brIf(end, i32.eqz(i32.load8u(i32.add(tables, get(handler)), FUSABLE_OFFSET)));
      const half = i32.load16u(i32.add(copy, get(behind)));
      const isLong = i32.eq(i32.and(half, i32.const(3)), i32.const(3));
      const length = f.let(select(isLong, i32.const(4), i32.const(2)));
      f.set(behind, i32.add(get(behind), length));
      f.set(next, i32.add(get(next), i32.shl(length, i32.const(3))));
      const follower = f.let(i32.load16u(get(next)));
      f.set(key, i32.or(i32.shl(get(handler), i32.const(16)), follower));
      f.set(place, i32.add(i32.mul(get(handler), i32.const(PAIR_HASH)), follower));
      f.loop((probe) => {
        const found = f.let(i32.load(pair(), PAIRS_OFFSET));
        f.brIf(end, i32.eqz(found));
        f.if(i32.ne(found, get(key)), () => {
          f.set(place, i32.add(get(place), i32.const(1)));
          f.br(probe);
        });
      });
      f.set(handler, i32.load(pair(), PAIRS_OFFSET + 4));
      f.store(2, get(at), get(handler));
      f.set(others, i32.sub(get(others), i32.const(1)));
      f.br(again);
    });
  });
}

function buildWriteOp(module: ModuleBuilder, learn: FunctionRef): FunctionRef {
  const f = module.function('writeOp', {params: ['i32', 'i32', 'i32', 'i32', 'i32'], results: ['i32']}, true);
  const [tables, at, bits, offset, bias] = [0, 1, 2, 3, 4].map((i) => get(f.param(i, 'i32'))) as [
    I32,
    I32,
    I32,
    I32,
    I32,
  ];
  const hash = i32.xor(i32.xor(bits, i32.shrU(bits, i32.const(11))), i32.shrU(bits, i32.const(20)));
  const index = i32.and(hash, i32.const(DECODE_ENTRIES - 1));
  const entry = f.let(i32.add(tables, i32.mul(index, i32.const(ENTRY_BYTES))));
  f.if(i32.ne(i32.load(entry, DECODE_ENTRY.bits), bits), () => f.call(learn, bits), undefined, 'unlikely');
  const traits = f.let(i32.load8u(entry, DECODE_ENTRY.traits));
  const has = (trait: number) => i32.and(traits, i32.const(trait));
  const value = f.local('i32');
  f.store(8, at, i64.load(entry, DECODE_ENTRY.near));
  f.set(value, i32.load(entry, DECODE_ENTRY.immediate));
  f.if(has(DECODE_TRAIT.branch), () => {
    const target = f.let(i32.add(offset, get(value)));
    f.if(
      i32.or(bias, i32.geU(target, i32.const(PAGE_BYTES))),
      () => {
        f.store(2, at, i32.load16u(entry, DECODE_ENTRY.far));
        f.set(value, i32.sub(target, bias));
      },
      () => f.set(value, i32.shl(get(value), i32.const(3))),
    );
  });
  f.if(has(DECODE_TRAIT.auipc), () => f.set(value, i32.add(get(value), i32.sub(offset, bias))));
  f.store(4, at, get(value), IMMEDIATE);
  const length = select(i32.eq(i32.and(bits, i32.const(3)), i32.const(3)), i32.const(4), i32.const(2));
  const next = i32.sub(i32.add(offset, length), bias);
  f.store(2, at, select(has(DECODE_TRAIT.rounds), i32.load8u(entry, DECODE_ENTRY.rounding), next), EXTRA);
  f.return(has(DECODE_TRAIT.ends));
  return f;
}
