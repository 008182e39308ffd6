/**
 * What a hart does about code that grew hot: asks for a region, and takes what was compiled. In tier `regions` it
 * compiles for itself at once; in tier `auto` requests go to the machine's compiler and modules come back by message.
 */
import {type MessagePort, receiveMessageOnPort} from 'node:worker_threads';
import {hostFuses} from '../codegen/host-fusion.js';
import {MAX_DEPTH} from '../codegen/region/abi.js';
import {buildRegions} from '../codegen/region/module.js';
import {planRegion, type RegionRequest} from '../codegen/region/request.js';
import type {MemoryLimits} from '../codegen/wasm/module.js';
import type {BatchRegion, CompilerMessage, MakerMessage} from '../compiler/messages.js';
import {wantCompiler} from '../compiler/thread.js';
import type {Decoder} from '../isa/decoder.js';
import {PAGE_BYTES, TLB_BYTES, TLB_ENTRIES, TLB_ENTRY_BYTES} from '../memory/layout.js';
import {MAX_JUMP_TARGETS, type RegionSettings} from '../tiers.js';
import type {CodeCache} from './code-cache.js';
import * as H from './layout.js';
import {type NewRegion, Regions} from './regions.js';
import type {HartState} from './state.js';

/** Pages on each side of an entry's page that a region may reach into. */
const REACH = 2;

/** Times that a hart asks for one region: requests are refused when code changed meanwhile, or wait for others. */
const MAX_ATTEMPTS = 5;

/** What the maker needs of its hart. */
export interface MakerParts {
  readonly state: HartState;
  readonly code: CodeCache;
  readonly decoder: Decoder;
  readonly settings: RegionSettings;
  readonly memory: WebAssembly.Memory;
  readonly limits: MemoryLimits;
  /** Exports of the interpreter's instance, which regions import. */
  readonly imports: Readonly<Record<string, unknown>>;
  readonly table: WebAssembly.Table;
  /** To the machine's compiler; without it the hart compiles for itself. */
  readonly compiler?: MessagePort;
}

/** Makes regions of one hart's hot code. */
export class RegionMaker {
  readonly regions: Regions;
  readonly #parts: MakerParts;
  /** Ops whose requests the compiler has not answered. */
  readonly #asked = new Set<number>();
  /** Of a hart that compiles for itself: table indices that are free again, and the first that was never used. */
  readonly #free = new Set<number>();
  #next = 1;

  constructor(parts: MakerParts) {
    this.#parts = parts;
    const {state, table, imports, code} = parts;
    this.regions = new Regions(state, table, imports['none'], code, (region) => this.#changed(region));
    code.listen(this.regions);
  }

  /** An op was arrived at often enough. */
  hot(op: number): void {
    const {code, compiler} = this.#parts;
    if (Number.isNaN(code.generationOf(code.pageAt(op)))) {
      this.regions.cool(op);
      return;
    }
    // Loops go round many times while their region is made, and for ever when the compiler has died.
    if (this.#asked.has(op)) {
      this.regions.cool(op);
      return;
    }
    const request = this.#request(op, compiler !== undefined);
    if (!request) this.regions.giveUp(op);
    else if (compiler) {
      this.regions.cool(op);
      const attempt = this.regions.attempt(op);
      if (attempt > MAX_ATTEMPTS) {
        this.regions.giveUp(op);
        return;
      }
      this.#asked.add(op);
      this.#send({kind: 'compile', request, attempt, op});
    } else this.#compile(op, request);
  }

  /** Does what the compiler has sent. */
  receive(): void {
    const {compiler} = this.#parts;
    if (!compiler) return;
    for (let next = receiveMessageOnPort(compiler); next; next = receiveMessageOnPort(compiler)) {
      const message = next.message as CompilerMessage;
      if (message.kind === 'answered') this.#asked.delete(message.op);
      else if (message.kind === 'forget') for (const index of message.indices) this.regions.remove(index);
      else this.#take(message.batch, message.module, message.regions);
    }
  }

  #changed({batch, index}: NewRegion): void {
    if (this.#parts.compiler) this.#send({kind: 'changed', batch, index});
    else this.#free.add(index);
  }

  #send(message: MakerMessage): void {
    this.#parts.compiler?.postMessage(message);
    wantCompiler(this.#parts.state.views);
  }

  /** False when none of the regions was of use. */
  #take(batch: number, module: WebAssembly.Module, regions: readonly BatchRegion[]): boolean {
    const {memory, imports, table} = this.#parts;
    const {exports} = new WebAssembly.Instance(module, {env: {...imports, memory, table}});
    let isUseful = false;
    regions.forEach((region, i) => {
      if (this.regions.install({...region, batch, run: exports[`r${i}`]})) isUseful = true;
    });
    return isUseful;
  }

  #compile(op: number, request: RegionRequest): void {
    const {state, decoder, settings, limits} = this.#parts;
    const bounds = {maxOps: settings.maxOps, maxJumpTargets: MAX_JUMP_TARGETS};
    const plan = planRegion(decoder, state.views, state.layout, request, bounds);
    const index = plan && this.#takeIndex();
    if (!plan || index === undefined) {
      this.regions.giveUp(op);
      return;
    }
    const module = new WebAssembly.Module(buildRegions([plan], limits, state.layout.hartCount, hostFuses()));
    const home = request.pages.find(({distance}) => distance === 0)!;
    const others = request.pages.filter((page) => plan.pages.some(({guestPage}) => guestPage === page.guestPage));
    const isTaken = this.#take(0, module, [{index, entry: request.entry, pages: [home, ...others]}]);
    if (!isTaken) this.#free.add(index);
    this.regions.cool(op);
  }

  #takeIndex(): number | undefined {
    const [free] = this.#free;
    if (free === undefined) return this.#next > this.#parts.settings.maxRegions ? undefined : this.#next++;
    this.#free.delete(free);
    return free;
  }

  /** What is known of the code around an op; undefined when it is in no decoded page. */
  #request(op: number, isSelective: boolean): RegionRequest | undefined {
    const {code} = this.#parts;
    const home = code.pageAt(op);
    if (home < 0) return undefined;
    const entry = (op - code.opsOf(home)) / 8;
    if (entry >= PAGE_BYTES) return undefined;
    const pages = [];
    for (let distance = -REACH; distance <= REACH; distance++) {
      const guestPage = distance === 0 ? home : this.#nearby(distance);
      if (guestPage < 0 || (distance !== 0 && guestPage === home)) continue;
      const ops = code.opsOf(guestPage);
      if (ops === 0) continue;
      const generation = code.generationOf(guestPage);
      if (Number.isNaN(generation)) continue;
      pages.push({distance, guestPage, generation, ops, side: this.regions.sideOf(ops)});
    }
    return {entry, pages, isSelective};
  }

  /** The guest page behind the virtual page at a distance from the current one, as far as the execute TLB knows; else -1. */
  #nearby(distance: number): number {
    const {state} = this.#parts;
    const sum = (state.i32(H.PAGE_PC) >>> 0) + distance * PAGE_BYTES;
    const low = sum | 0;
    const high = (state.i32(H.PAGE_PC + 4) + (sum < 0 ? -1 : sum > 0xffffffff ? 1 : 0)) | 0;
    const {i32} = state.views;
    const index = (low >>> 12) & (TLB_ENTRIES - 1);
    const at = (state.i32(H.EXEC_BANK) + 2 * TLB_BYTES + index * TLB_ENTRY_BYTES) >> 2;
    return i32[at] === low && i32[at + 1] === high ? i32[at + 3]! : -1;
  }
}

/** Stack that harts need for nested regions, in MiB: frames are bounded by what a region keeps in locals. */
export const HART_STACK_MB = Math.max(4, MAX_DEPTH / 16);
