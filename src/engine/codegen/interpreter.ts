/**
 * Generates the interpreter: one WebAssembly function that dispatches decoded ops by a branch table.
 *
 * Shape of the function (labels as used by the lowering):
 *   poll:     block around everything; leaving it returns to the hart's run loop
 *   again:    loop whose first step is the dispatch on the op's handler number
 *   dispatch: the branch on `handlerNumber`, which need not be the op's own
 *   heat:     `op` was arrived at by a backward branch: count it
 *   interpret: as jump, but the op there runs by its own handler although a region starts there
 *   jump:     `target` is a virtual address; found in this page, in the execute TLB, or through `enter`
 *   enter:    `target` must be fetched anew by the runtime
 *   redirect: the runtime has set the hart's run state; reload it
 *
 * Measured on Node 26 with 512 handlers and a TLB check per load: one function with a branch table takes 2.0–2.7 ns an
 * instruction, handlers chained by tail calls 2.5 ns while V8 can inline by feedback and 5.5–6 ns when it cannot.
 */
import * as H from '../hart/layout.js';
import type {Decoder} from '../isa/decoder.js';
import {cInstructions} from '../isa/registry.js';
import {type MemoryLayout, TLB_BYTES} from '../memory/layout.js';
import {softfloat} from '../softfloat/softfloat.js';
import {concurrencyOf} from './atomics.js';
import {type CsrPath, csrPaths} from './csr-path.js';
import {buildExactFunctions} from './exact-functions.js';
import {type Frame, OP_FIELD, type Shape} from './interpreter-frame.js';
import {InterpreterLowering} from './interpreter-lowering.js';
import {LocalPool} from './local-pool.js';
import {buildMemoryFunctions} from './memory-functions.js';
import {buildOpDecode} from './op-decode.js';
import {MAX_DEPTH, REGION_SIGNATURE, SIDE_IS_TARGET, SIDE_REGION, SIDE_SHIFT} from './region/abi.js';
import {buildTlbControl} from './tlb-control.js';
import {buildAddressFunctions, entryOffset} from './tlb-fill.js';
import {buildMissFunctions} from './tlb-miss.js';
import {buildTrapFunctions} from './trap-path.js';
import {get, type I32, i32, i64, type ValueType} from './wasm/expression.js';
import type {FunctionRef, Label} from './wasm/function.js';
import {type MemoryLimits, ModuleBuilder} from './wasm/module.js';

/** Handlers that are no instruction. */
export const HANDLER = {
  /** Zero-filled memory: not decoded yet. */
  decode: 0,
  /** Goes on at page address + immediate (the first address behind this page). */
  pageEnd: 1,
  /** An instruction whose second half lies in the next page. */
  straddle: 2,
  /** No instruction of this hart. */
  illegal: 3,
  /** A region starts here (see `region/abi.ts`). */
  region: 4,
} as const;
const FIRST_INSTRUCTION = 5;

/** One part of a handler. */
interface Part {
  readonly instruction: number;
  readonly shape: Shape;
}

/** Handler numbers, in the order of the branch table. */
export class HandlerSet {
  readonly decoder: Decoder;
  /** Parts of handler FIRST_INSTRUCTION + i. */
  readonly handlers: readonly (readonly Part[])[];
  readonly #single = new Map<number, number>();
  readonly #fused = new Map<number, number>();

  /**
   * `sequences` are the fused handlers: each a list of single handlers' names as `name`, `name/2` for the compressed
   * length, joined by a space, and each needs its own prefix in the list when longer than two.
   */
  constructor(decoder: Decoder, sequences: readonly string[]) {
    this.decoder = decoder;
    const compressed = compressedForms(decoder);
    const handlers: Part[][] = [];
    const byName = new Map<string, number>();
    decoder.instructions.forEach((record, instruction) => {
      for (const length of compressed.has(instruction) ? ([4, 2] as const) : ([4] as const)) {
        const isDirect = record.format === 'B' || record.format === 'J';
        for (const isFar of isDirect ? [false, true] : [false]) {
          const id = FIRST_INSTRUCTION + handlers.push([{instruction, shape: {length, isFar}}]) - 1;
          this.#single.set(key(instruction, length, isFar, 'call'), id);
          byName.set(`${record.name}${length === 2 ? '/2' : ''}${isFar ? '/far' : ''}`, id);
        }
      }
      if (record.format !== 'csr' && record.format !== 'csri') return;
      for (const csr of csrPaths) {
        if (csr === 'call') continue;
        const id = FIRST_INSTRUCTION + handlers.push([{instruction, shape: {length: 4, isFar: false, csr}}]) - 1;
        this.#single.set(key(instruction, 4, false, csr), id);
      }
    });
    for (const sequence of sequences) {
      const names = sequence.split(' ');
      const last = byName.get(names.at(-1)!);
      const first = byName.get(names.slice(0, -1).join(' '));
      if (first === undefined || last === undefined) throw new Error(`no handlers for the sequence ${sequence}`);
      const parts = [...handlers[first - FIRST_INSTRUCTION]!, ...handlers[last - FIRST_INSTRUCTION]!];
      const id = FIRST_INSTRUCTION + handlers.push(parts) - 1;
      byName.set(sequence, id);
      this.#fused.set(first * 65536 + last, id);
    }
    this.handlers = handlers;
  }

  /** Handler of one decoded instruction. Throws when this length has none: the record list and C disagree. */
  single(instruction: number, length: 2 | 4, isFar: boolean, csr: CsrPath = 'call'): number {
    const id = this.#single.get(key(instruction, length, isFar, csr));
    if (id === undefined) throw new Error(`no handler for ${this.decoder.instructions[instruction]?.name}/${length}`);
    return id;
  }

  /** Handlers that run `first` (single or fused) and then the single handler `next`. */
  *fusedPairs(): Generator<readonly [first: number, next: number, fused: number]> {
    for (const [pair, fused] of this.#fused) yield [Math.floor(pair / 65536), pair % 65536, fused];
  }

  /** Names of a handler's parts, for traces and for choosing sequences. */
  describe(handler: number): string {
    const parts = this.handlers[handler - FIRST_INSTRUCTION];
    if (!parts) return Object.keys(HANDLER)[handler] ?? '?';
    return parts
      .map(({instruction, shape}) => {
        const {name} = this.decoder.instructions[instruction]!;
        return `${name}${shape.length === 2 ? '/2' : ''}${shape.isFar ? '/far' : ''}`;
      })
      .join(' ');
  }
}

const key = (instruction: number, length: number, isFar: boolean, csr: CsrPath) =>
  instruction * 64 + csrPaths.indexOf(csr) * 8 + length + (isFar ? 1 : 0);

/** Operand fields that decide which instruction a compressed one stands for: by being zero, or not. */
const DECIDING_FIELDS = [0x1000, 0x0f80, 0x007c] as const;

/**
 * Indices of the instructions that have a compressed form. Expanding all 49152 encodings to find them took a quarter of
 * the time that a thread needs to start.
 */
function compressedForms(decoder: Decoder): ReadonlySet<number> {
  const found = new Set<number>();
  for (const {match, mask} of cInstructions) {
    for (let choice = 0; choice < 1 << DECIDING_FIELDS.length; choice++) {
      const operands = DECIDING_FIELDS.reduce((bits, field, i) => bits | ((choice >> i) & 1 ? field : 0), 0);
      const expanded = decoder.expand(match | (operands & ~mask));
      const index = expanded === 0 ? -1 : decoder.find(expanded);
      if (index >= 0) found.add(index);
    }
  }
  return found;
}

/** For which machine an interpreter is built. */
export interface InterpreterOptions {
  readonly memory: MemoryLimits;
  readonly layout: MemoryLayout;
  /** Environment calls of S-mode are the runtime's. */
  readonly hasSbi: boolean;
  /** Hot code becomes regions. */
  readonly hasRegions: boolean;
  /** The host multiplies and adds with one rounding (see `host-fusion.ts`). */
  readonly hasFusion: boolean;
}

/**
 * Builds the interpreter module. It imports `env.memory` and the runtime, and exports `run(hart) → 1`, the functions of
 * `memory-functions.ts` and `op-decode.ts`, `trap`, `AddressFunctions` and, with regions, what those import and the function that stands
 * for no region.
 */
export function buildInterpreter(set: HandlerSet, options: InterpreterOptions): Uint8Array<ArrayBuffer> {
  const {memory, layout, hasSbi, hasRegions, hasFusion} = options;
  const module = new ModuleBuilder(memory);
  const concurrency = concurrencyOf(layout.hartCount);
  if (hasRegions) module.importTable();
  const declare = (name: string, params: number, isValue: boolean): FunctionRef =>
    module.import(name, {params: Array<ValueType>(params).fill('i32'), results: isValue ? ['i32'] : []});
  const decode = declare('decode', 0, false);
  const learn = declare('learn', 1, false);
  const fetch = declare('fetch', 2, false);
  const straddle = declare('straddle', 0, false);
  const runtime = {
    load: declare('load', 3, true),
    store: declare('store', 3, true),
    translate: declare('translate', 4, true),
    csr: declare('csr', 3, true),
    time: declare('time', 0, false),
    system: declare('system', 1, false),
    illegal: declare('illegal', 0, false),
    floatState: declare('floatState', 0, true),
  };
  const hot = declare('hot', 1, false);
  const exactFunctions = buildExactFunctions(module, softfloat(module), hasFusion, hasRegions);
  buildMemoryFunctions(module);
  buildOpDecode(module, HANDLER, learn);
  const control = buildTlbControl(module);
  const traps = buildTrapFunctions(module);
  const misses = buildMissFunctions(module, buildAddressFunctions(module, layout), runtime, traps);
  if (hasRegions) {
    const none = module.function('none', REGION_SIGNATURE, true);
    none.return(get(none.param(2, 'i64')), get(none.param(1, 'i32')));
    none.unreachable();
  }
  const regionType = module.typeIndex(REGION_SIGNATURE);
  const f = module.function('run', {params: ['i32'], results: ['i32']}, true);
  const hart = f.param(0, 'i32');
  const op = f.local('i32');
  const acc = f.local('i32');
  const pageOps = f.local('i32');
  const pagePc = f.local('i64');
  const target = f.local('i64');
  const entry = f.local('i32');
  const handlerNumber = f.local('i32');
  const side = f.local('i32');
  const heatOf = f.local('i32');
  const before = f.local('i32');
  const isIndirect = f.local('i32');
  const pool = new LocalPool(f);
  const cell = (offset: number) => i32.load(get(hart), offset);
  const reload = () => {
    f.set(op, cell(H.OP));
    f.set(acc, cell(H.ACC));
    f.set(pageOps, cell(H.PAGE_OPS));
    f.set(pagePc, i64.load(get(hart), H.PAGE_PC));
  };
  const sync = () => {
    f.store(4, get(hart), get(op), H.OP);
    f.store(4, get(hart), get(acc), H.ACC);
  };

  reload();
  f.block((poll) => {
    const isDue = () => i32.geS(get(acc), cell(H.LIMIT));
    f.loop((again) => {
      f.set(handlerNumber, i32.load16u(get(op), OP_FIELD.handler));
      f.loop((dispatch) => {
        f.block((redirect) => {
          f.block((enter) => {
            f.block((jump) => {
              f.block((interpret) => {
                f.block((heat) => {
                  const frame: Frame = {
                    f,
                    hart,
                    op,
                    acc,
                    pagePc,
                    pageOps,
                    target,
                    again,
                    jump,
                    enter,
                    redirect,
                    poll,
                    ...(hasRegions ? {heat, isIndirect} : {}),
                    runtime,
                    misses,
                    control,
                    traps,
                    hasSbi,
                    exactFunctions,
                    hasFusion,
                    concurrency,
                  };
                  const emit = (handler: number) => {
                    pool.reset();
                    switch (handler) {
                      case HANDLER.decode:
                        sync();
                        f.call(decode);
                        f.br(redirect);
                        return;
                      case HANDLER.pageEnd:
                        f.set(target, i64.add(get(pagePc), i64.load32s(get(op), OP_FIELD.imm)));
                        f.set(acc, i32.add(get(acc), i32.load16s(get(op), OP_FIELD.sequence)));
                        f.br(jump);
                        return;
                      case HANDLER.straddle:
                        sync();
                        f.call(straddle);
                        f.br(redirect);
                        return;
                      case HANDLER.illegal:
                        sync();
                        f.call(runtime.illegal);
                        f.br(redirect);
                        return;
                      case HANDLER.region:
                        if (hasRegions) emitRegionCall(interpret, jump);
                        else f.unreachable();
                        return;
                    }
                    for (const {instruction, shape} of set.handlers[handler - FIRST_INSTRUCTION]!)
                      new InterpreterLowering(frame, pool, set.decoder.instructions[instruction]!, shape).emit();
                    f.br(again);
                  };
                  const count = FIRST_INSTRUCTION + set.handlers.length;
                  const labels: Label[] = [];
                  // Handler count-1 is outermost; each block's end is its handler's code.
                  const nestAll = (handler: number) => {
                    if (handler < 0) {
                      // The block opened last belongs to handler 0.
                      const inOrder = labels.toReversed();
                      f.brTable(get(handlerNumber), inOrder, inOrder[HANDLER.illegal]!);
                      return;
                    }
                    f.block((label) => {
                      labels.push(label);
                      nestAll(handler - 1);
                    });
                    emit(handler);
                  };
                  nestAll(count - 1);
                });
                countArrival();
                f.br(again);
              });
              emitFind(() => {
                f.set(acc, i32.sub(get(acc), i32.load16s(get(op), OP_FIELD.sequence)));
                f.set(handlerNumber, i32.load16u(get(op), OP_FIELD.handler));
                f.if(i32.eq(get(handlerNumber), i32.const(HANDLER.region)), () =>
                  f.set(handlerNumber, i32.and(i32.load16u(sideCell(get(op))), i32.const(SIDE_IS_TARGET - 1))),
                );
                f.br(dispatch);
              });
              f.br(enter);
            });
            emitFind(() => {
              // On the true count, as regions do: else one that left for its poll would be entered again at once.
              f.set(before, isDue());
              f.set(acc, i32.sub(get(acc), i32.load16s(get(op), OP_FIELD.sequence)));
              f.brIf(poll, get(before), 'unlikely');
              if (hasRegions) countArrival();
              f.br(again);
            });
          });
          f.set(isIndirect, i32.const(0));
          f.store(4, get(hart), get(acc), H.ACC);
          f.call(fetch, i32.wrap(get(target)), i32.wrap(i64.shrU(get(target), i64.const(32))));
        });
        reload();
        f.brIf(poll, isDue(), 'unlikely');
        f.br(again);
      });

      function sideCell(of: I32): I32 {
        return i32.add(i32.shrU(of, i32.const(SIDE_SHIFT)), cell(H.SIDE_BASE));
      }

      /** Counts an arrival at `op`, and has a region made when it is hot. */
      function countArrival(): void {
        f.set(side, sideCell(get(op)));
        f.set(heatOf, i32.or(i32.add(i32.load(get(side)), i32.const(2)), get(isIndirect)));
        f.if(
          // With a region the cell's upper half is not 0.
          i32.ltU(get(heatOf), i32.const(0x10000)),
          () => {
            f.store(4, get(side), get(heatOf));
            f.if(
              i32.geU(get(heatOf), cell(H.HEAT_LIMIT)),
              () => {
                sync();
                f.call(hot, get(op));
              },
              undefined,
              'unlikely',
            );
          },
          () =>
            f.if(
              get(isIndirect),
              () => f.store(2, get(side), i32.or(i32.load16u(get(side)), i32.const(SIDE_IS_TARGET))),
              undefined,
              'unlikely',
            ),
        );
        f.set(isIndirect, i32.const(0));
      }

      function emitRegionCall(interpret: Label, jump: Label): void {
        f.set(acc, i32.add(get(acc), i32.load16s(get(op), OP_FIELD.sequence)));
        f.set(before, get(acc));
        // For whoever asks where the hart is.
        sync();
        const offset = i32.shrU(i32.sub(get(op), get(pageOps)), i32.const(3));
        f.set(target, i64.add(get(pagePc), i64.extendU(offset)));
        const index = i32.load16u(sideCell(get(op)), SIDE_REGION);
        const args = [get(hart), get(acc), get(target), i32.const(MAX_DEPTH), sideCell(get(pageOps))];
        f.callIndirectInto([target, acc], regionType, index, ...args);
        const total = i64.add(i64.load(get(hart), H.REGION_INSTRET), i64.extendS(i32.sub(get(acc), get(before))));
        f.store(8, get(hart), total, H.REGION_INSTRET);
        f.if(i32.and(i32.wrap(get(target)), i32.const(1)), () => {
          f.set(target, i64.sub(get(target), i64.const(1)));
          f.br(interpret);
        });
        f.br(jump);
      }

      /** Finds the op of `target` in this page or through the execute TLB. */
      function emitFind(arrive: () => void): void {
        // An instruction that straddles pages runs with an odd page address, so that it never matches here.
        const distance = i64.sub(get(target), get(pagePc));
        f.if(i64.eqz(i64.and(distance, i64.const(~0xffen))), () => {
          f.set(op, i32.add(get(pageOps), i32.shl(i32.wrap(distance), i32.const(3))));
          arrive();
        });
        f.set(entry, i32.add(i32.add(cell(H.EXEC_BANK), i32.const(2 * TLB_BYTES)), entryOffset(get(target))));
        const page = () => i64.and(get(target), i64.const(-4096n));
        f.if(i64.eq(i64.load(get(entry)), page()), () => {
          f.set(pagePc, page());
          f.set(pageOps, i32.load(get(entry), 8));
          f.store(8, get(hart), get(pagePc), H.PAGE_PC);
          f.store(4, get(hart), get(pageOps), H.PAGE_OPS);
          const inPage = i32.and(i32.wrap(get(target)), i32.const(0xffe));
          f.set(op, i32.add(get(pageOps), i32.shl(inPage, i32.const(3))));
          arrive();
        });
      }
    });
  });
  sync();
  f.return(i32.const(1));
  return module.finish();
}
