/**
 * One region as a WebAssembly function: its blocks in structured form, guest registers in locals between them.
 *
 *   poll ─▶ checks of further pages ─▶ load live registers ─▶ blocks, nested by dominance
 *
 * Source of the structuring: Ramsey, "Beyond Relooper: Recursive Translation of Unstructured Control Flow to Structured
 * Control Flow" (ICFP 2022)
 */
import type {I32} from '../../isa/lowering.js';
import {get, i32, i64} from '../wasm/expression.js';
import type {FunctionBuilder, Label} from '../wasm/function.js';
import {RegionEmitter, type RegionModule} from './emitter.js';
import {analyseForms, type BlockForms} from './forms.js';
import {deltaOf, type Proof} from './graph.js';
import {RegionLowering} from './lowering.js';
import {emitGuard, type Proven, RegionMemory} from './memory.js';
import type {OrderedBlock} from './order.js';
import {analyseRegisters, type BlockRegisters, exitSteps, type RegisterSet} from './registers.js';
import {analyseWords} from './words.js';

/** What a region is made from. */
export interface RegionPlan {
  /** Delta of the entry (see `graph.ts`). */
  readonly entry: number;
  /** Blocks in order; the first is the entry's. */
  readonly blocks: readonly OrderedBlock[];
  /** Pages the blocks lie in besides the entry's: distance in pages and guest page index. */
  readonly pages: readonly {readonly distance: number; readonly guestPage: number}[];
}

/** Writes a region into a function of `REGION_SIGNATURE`. */
export function emitRegion(f: FunctionBuilder, module: RegionModule, plan: RegionPlan): void {
  new Structurer(f, module, plan).emit();
}

const noRegisters: RegisterSet = {x: 0, f: 0};
const keyOf = ({x, f}: RegisterSet) => `${x} ${f}`;

const polls = ({block, isLoopHeader}: OrderedBlock) => block.polls ?? isLoopHeader;

class Structurer {
  readonly #f: FunctionBuilder;
  readonly #emitter: RegionEmitter;
  readonly #plan: RegionPlan;
  readonly #registers: readonly BlockRegisters[];
  readonly #forms: readonly BlockForms[];
  readonly #words: readonly number[];
  /** Where a branch to a loop header or merge block goes, by block index. */
  readonly #labels: (Label | undefined)[] = [];
  /** Where the registers that are dirty at a block's start are written back before the region is left. */
  readonly #leaving = new Map<string, Label>();
  readonly #proven: Proven = new Map();

  constructor(f: FunctionBuilder, module: RegionModule, plan: RegionPlan) {
    const hasFloat = plan.blocks.some(({block}) => block.ops.some(({record}) => record.isFloat));
    this.#f = f;
    this.#emitter = new RegionEmitter(f, module, plan.entry, hasFloat);
    this.#plan = plan;
    this.#registers = analyseRegisters(plan.blocks);
    this.#forms = analyseForms(plan.blocks);
    this.#words = analyseWords(plan.blocks);
  }

  emit(): void {
    const {blocks, entry, pages} = this.#plan;
    const first = blocks[0]!;
    // One way out for each set of dirty registers that some block begins with.
    const sets = new Map<string, RegisterSet>([[keyOf(noRegisters), noRegisters]]);
    for (const {dirtyIn} of this.#registers) sets.set(keyOf(dirtyIn), dirtyIn);
    this.#nestLeaving([...sets.values()], () => {
      const last = this.#leaving.get(keyOf(noRegisters))!;
      this.#emitter.withExits([noRegisters], last, () => {
        if (!polls(first)) this.#emitter.poll(entry);
        for (const {distance, guestPage} of pages) this.#emitter.checkPage(distance, guestPage);
      });
      this.#emitter.loadModes();
      this.#emitter.load(this.#registers[0]!.liveIn, this.#forms[0]!.readAsSingles);
      this.#arrive(first);
      this.#tree(first);
    });
    this.#f.unreachable();
  }

  #nestLeaving(sets: readonly RegisterSet[], body: () => void): void {
    const [set, ...rest] = sets;
    if (!set) {
      body();
      return;
    }
    this.#f.block((label) => {
      this.#leaving.set(keyOf(set), label);
      this.#nestLeaving(rest, body);
    });
    this.#emitter.store(set);
    this.#f.return(get(this.#emitter.next), get(this.#emitter.acc));
  }

  /** A block and all it dominates. */
  #tree(block: OrderedBlock): void {
    // Blocks that several edges lead to stand behind the construct that the edges leave.
    const merges = block.children.filter(({isMerge}) => isMerge);
    if (!block.isLoopHeader) {
      this.#nest(block, merges);
      return;
    }
    this.#f.loop((label) => {
      this.#labels[block.index] = label;
      this.#nest(block, merges);
    });
  }

  #nest(block: OrderedBlock, merges: readonly OrderedBlock[]): void {
    const [outermost, ...rest] = merges;
    if (!outermost) {
      this.#block(block);
      return;
    }
    this.#f.block((label) => {
      // A loop header's own label is the loop's; the edges into the loop go through this block's end.
      this.#labels[outermost.index] = label;
      this.#nest(block, rest);
    });
    this.#tree(outermost);
  }

  #block(ordered: OrderedBlock): void {
    const {dirtyIn} = this.#registers[ordered.index]!;
    const last = this.#leaving.get(keyOf(dirtyIn));
    if (!last) throw new Error('a block without a way out');
    this.#emitter.dirty = {...dirtyIn};
    if (ordered.isLoopHeader || ordered.isMerge) this.#emitter.retired = 0;
    this.#emitter.floats.forms = this.#forms[ordered.index]!.forms;
    this.#emitter.integers.begin(this.#words[ordered.index]!, ordered.block.keepsWords === true);
    this.#emitter.withExits(exitSteps(dirtyIn, ordered.block.ops), last, () => this.#body(ordered));
  }

  #body(ordered: OrderedBlock): void {
    const emitter = this.#emitter;
    const {block} = ordered;
    if (polls(ordered)) emitter.poll(deltaOf(block.start));
    if (ordered.isLoopHeader) {
      if (this.#hasArithmetic(ordered)) emitter.floats.refreshModes();
    }
    const {isOpen} = this.#forms[ordered.index]!;
    const lowering = new RegionLowering(emitter, new RegionMemory(emitter, this.#proven), block, isOpen);
    let condition: I32 | undefined;
    let target = get(emitter.next);
    for (const [i, op] of block.ops.entries()) {
      const outcome = lowering.emit(op, block.ops[i + 1]);
      condition = outcome.condition;
      target = outcome.target ?? target;
    }
    const {end} = block;
    switch (end.kind) {
      case 'fall':
      case 'jump':
        this.#go(ordered, end.to);
        return;
      case 'branch':
        if (!condition) throw new Error('a branch without a condition');
        if (end.taken === end.next) {
          this.#go(ordered, end.next);
          return;
        }
        this.#branch(ordered, condition, end.taken, end.next);
        return;
      case 'guard':
        this.#guard(ordered, end.proofs, end.pass, end.fail);
        return;
      case 'call':
        emitter.call(end.to, deltaOf(end.next));
        this.#return(ordered, end.next);
        return;
      case 'callIndirect':
        emitter.call(target, deltaOf(end.next));
        this.#return(ordered, end.next);
        return;
      case 'jumpIndirect':
        this.#dispatch(ordered, target, end.targets);
        return;
      case 'return':
        emitter.leave(target);
        return;
      case 'interpret':
        emitter.interpret(end.at);
        return;
    }
  }

  /** Brings the registers into the forms that a block begins with. */
  #arrive(next: OrderedBlock): void {
    this.#emitter.integers.convert(this.#words[next.index]!);
    this.#emitter.floats.convert(this.#forms[next.index]!.forms);
  }

  /** True when some block of a header's loop rounds. Blocks between the header and the last way back may be taken in. */
  #hasArithmetic(header: OrderedBlock): boolean {
    const {blocks} = this.#plan;
    const last = blocks.findLast(({successors}) => [...successors.values()].includes(header));
    return blocks.some(
      ({index, block}) =>
        index >= header.index && index <= (last?.index ?? 0) && block.ops.some(({record}) => record.hasRounding),
    );
  }

  /** Goes to a delta from the end of a block. */
  #go(from: OrderedBlock, to: number): void {
    const next = from.successors.get(to);
    if (!next) {
      this.#emitter.goTo(deltaOf(to));
      return;
    }
    this.#arrive(next);
    // Where several ways meet, all that has retired is in `acc`; elsewhere it may wait for the next way out.
    if (next.isLoopHeader || next.isMerge) this.#emitter.settle();
    if (next.index <= from.index || next.isMerge) this.#f.br(this.#label(next));
    else this.#tree(next);
  }

  #branch(from: OrderedBlock, condition: I32, taken: number, next: number): void {
    const {dirty, retired, floats, integers} = this.#emitter;
    const {forms} = floats;
    const {words, keepsWords} = integers;
    const isTakenInside = from.successors.has(taken);
    const isNextInside = from.successors.has(next);
    const hint = isTakenInside === isNextInside ? undefined : isTakenInside ? 'likely' : 'unlikely';
    this.#f.if(condition, () => this.#go(from, taken), undefined, hint);
    this.#emitter.dirty = dirty;
    this.#emitter.retired = retired;
    floats.forms = forms;
    integers.begin(words, keepsWords);
    this.#go(from, next);
  }

  #guard(from: OrderedBlock, proofs: readonly Proof[], pass: number, fail: number): void {
    const {dirty, retired, floats, integers} = this.#emitter;
    const {forms} = floats;
    const {words, keepsWords} = integers;
    this.#f.block((failed) => {
      emitGuard(this.#emitter, proofs, failed, this.#proven);
      this.#go(from, pass);
    });
    this.#emitter.dirty = dirty;
    this.#emitter.retired = retired;
    floats.forms = forms;
    integers.begin(words, keepsWords);
    this.#go(from, fail);
  }

  /** Behind a call that came back. */
  #return(from: OrderedBlock, next: number): void {
    const inside = from.successors.get(next);
    if (inside) {
      this.#emitter.loadModes();
      this.#emitter.load(this.#registers[inside.index]!.liveIn, this.#forms[inside.index]!.readAsSingles);
    }
    this.#go(from, next);
  }

  /** An indirect jump: a table of the targets known inside the region, else out. */
  #dispatch(from: OrderedBlock, target: ReturnType<typeof i64.const>, targets: readonly number[]): void {
    const emitter = this.#emitter;
    const inside = new Map(targets.filter((key) => from.successors.has(key)).map((key) => [deltaOf(key), key]));
    emitter.settle();
    if (inside.size > 0) {
      const f = this.#f;
      for (const key of inside.values()) this.#arrive(from.successors.get(key)!);
      const lowest = Math.min(...inside.keys());
      const highest = Math.max(...inside.keys());
      const distance = emitter.pool.take('i64');
      f.set(distance, i64.sub(target, emitter.address(lowest)));
      f.block((elsewhere) => {
        f.brIf(elsewhere, i64.gtU(get(distance), i64.const(highest - lowest)), 'unlikely');
        const labels = Array.from({length: (highest - lowest) / 2 + 1}, (_, i) => {
          const key = inside.get(lowest + i * 2);
          const successor = key === undefined ? undefined : from.successors.get(key);
          return successor ? this.#label(successor) : elsewhere;
        });
        f.brTable(i32.wrap(i64.shrU(get(distance), i64.const(1))), labels, elsewhere);
      });
    }
    emitter.goToAddress(target);
  }

  #label(block: OrderedBlock): Label {
    const label = this.#labels[block.index];
    if (!label) throw new Error('a branch to a block that has no label yet');
    return label;
  }
}
