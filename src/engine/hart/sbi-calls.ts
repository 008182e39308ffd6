/**
 * The firmware side of a directly booted kernel: gives SBI extensions the machine to act on. One object per hart
 * thread; it acts on its own hart directly and on others through their shared blocks.
 */

import type {AssembledDevice} from '../assembly.js';
import type {GuestMemory} from '../contract.js';
import {ATTENTION, ENDED, EXIT_KIND, EXIT_STATUS, RUN_STATE} from '../memory/header.js';
import type {MemoryLayout} from '../memory/layout.js';
import {FenceBox, pagesOf} from '../mmu/fence-box.js';
import {Uart16550} from '../platform/uart16550.js';
import type {SbiCall, SbiHartState, SbiHost, SbiReply} from '../sbi/contract.js';
import {createSbiReply, handleSbi} from '../sbi/handle-sbi.js';
import {MIP} from './csr-table.js';
import type {Hart, SupervisorCalls} from './hart.js';
import * as H from './layout.js';
import {hartBlock} from './layout.js';
import {kick, lower, raise, request} from './signals.js';
import type {MemoryViews} from './state.js';

const A0 = 10 * 8;
const A1 = 11 * 8;
const A6 = 16 * 8;
const A7 = 17 * 8;
const HSM: readonly SbiHartState[] = ['started', 'stopped', 'start-pending', 'stop-pending', 'suspended'];
const RHR = 0;
const LSR = 5;
const LSR_DATA_READY = 1;

/** Ends the machine from a hart: every thread leaves, the I/O thread reads why. */
export function endMachine(views: MemoryViews, hartCount: number, kind: number, status: number): void {
  Atomics.store(views.i32, EXIT_STATUS >> 2, status);
  Atomics.compareExchange(views.i32, EXIT_KIND >> 2, 0, kind);
  Atomics.store(views.i32, RUN_STATE >> 2, ENDED);
  Atomics.notify(views.i32, RUN_STATE >> 2);
  for (let hart = 0; hart < hartCount; hart++) kick(views, hart);
  Atomics.add(views.i32, ATTENTION >> 2, 1);
  Atomics.notify(views.i32, ATTENTION >> 2);
}

/** SBI for one hart. */
export class SbiCalls implements SupervisorCalls, SbiHost {
  readonly hartCount: number;
  readonly memory: GuestMemory;
  readonly vendorId = 0;
  readonly architectureId = 0;
  readonly implementationId = 0;
  readonly #views: MemoryViews;
  readonly #boxes: readonly FenceBox[];
  readonly #uart: Uart16550 | undefined;
  readonly #reply: SbiReply = createSbiReply();
  #hart: Hart | undefined;

  constructor(views: MemoryViews, layout: MemoryLayout, memory: GuestMemory, devices: readonly AssembledDevice[]) {
    this.#views = views;
    this.memory = memory;
    this.hartCount = layout.hartCount;
    this.#boxes = Array.from({length: layout.hartCount}, (_, hart) => new FenceBox(views, layout, hart));
    this.#uart = devices.map(({region}) => region).find((region) => region instanceof Uart16550);
  }

  call(hart: Hart): boolean {
    this.#hart = hart;
    const {state} = hart;
    const {i32} = state.views;
    const call: SbiCall = {
      hart: state.id,
      extension: state.i32(A7),
      function: state.i32(A6),
      low: (index) => i32[(state.base + A0 + index * 8) >> 2]! >>> 0,
      high: (index) => i32[(state.base + A0 + index * 8 + 4) >> 2]! >>> 0,
    };
    const reply = this.#reply;
    handleSbi(call, this, reply);
    if (reply.registers === 'none') return false;
    state.setI32(A0, reply.error);
    state.setI32(A0 + 4, reply.error >> 31);
    if (reply.registers === 'both') {
      state.setI32(A1, reply.valueLow);
      state.setI32(A1 + 4, reply.valueHigh);
    }
    return true;
  }

  setTimer(_hart: number, low: number, high: number): void {
    // Above 2^53 ticks nothing ever comes.
    this.#hart!.timer.setSupervisorDeadline(high >= 0x200000 ? Number.POSITIVE_INFINITY : high * 2 ** 32 + low);
  }

  sendIpi(hart: number): void {
    raise(this.#views, hart, MIP.SSIP);
  }

  clearIpi(hart: number): void {
    lower(this.#views, hart, MIP.SSIP);
  }

  remoteFenceI(hart: number): void {
    request(this.#views, hart, H.HartRequest.fenceI);
  }

  remoteSfence(
    hart: number,
    startLow: number,
    startHigh: number,
    sizeLow: number,
    sizeHigh: number,
    asid: number,
  ): void {
    const pages = Math.min(pagesOf(startLow, startHigh, sizeLow, sizeHigh), 0x7fff_ffff);
    const isPosted = this.#boxes[hart]!.post(startLow | 0, startHigh | 0, pages, asid);
    request(this.#views, hart, isPosted ? H.HartRequest.fencePages : H.HartRequest.flushTlb);
  }

  /** The calling hart serves its own requests too, so two harts that fence each other do not wait for ever. */
  waitForFences(caller: number): void {
    const {i32} = this.#views;
    for (let hart = 0; hart < this.hartCount; hart++) {
      const block = hartBlock(hart);
      if (hart === caller) continue;
      while (
        (Atomics.load(i32, (block + H.REQUESTS) >> 2) & H.FENCE_REQUESTS) !== 0 &&
        Atomics.load(i32, (block + H.HSM_STATE) >> 2) === 0 &&
        Atomics.load(i32, RUN_STATE >> 2) !== ENDED
      )
        this.#hart!.serveFences();
    }
    this.#hart!.serveFences();
  }

  hartState(hart: number): SbiHartState {
    return HSM[Atomics.load(this.#views.i32, (hartBlock(hart) + H.HSM_STATE) >> 2)] ?? 'stopped';
  }

  startHart(hart: number, address: number, opaque: bigint): boolean {
    const {i32, u64} = this.#views;
    const block = hartBlock(hart);
    const cell = (block + H.HSM_STATE) >> 2;
    if (Atomics.load(i32, cell) !== 1) return false;
    u64[(block + H.START_ADDRESS) >> 3] = BigInt(address);
    u64[(block + H.START_OPAQUE) >> 3] = opaque;
    if (Atomics.compareExchange(i32, cell, 1, 2) !== 1) return false;
    kick(this.#views, hart);
    return true;
  }

  stopHart(hart: number): void {
    Atomics.store(this.#views.i32, (hartBlock(hart) + H.HSM_STATE) >> 2, 1);
    this.#hart!.skip(4);
    kick(this.#views, hart);
  }

  suspendHart(): void {
    this.#hart!.sleep();
  }

  suspendHartAndResumeAt(_hart: number, address: number, opaque: bigint): void {
    const hart = this.#hart!;
    hart.sleep();
    hart.traps.leaveOp(true);
    hart.startSupervisor(address | 0, Math.floor(address / 2 ** 32), opaque);
  }

  resetSystem(type: 'shutdown' | 'cold-reboot' | 'warm-reboot', isFailure: boolean): void {
    this.#hart!.skip(4);
    endMachine(this.#views, this.hartCount, type === 'shutdown' ? 1 : 2, isFailure ? 1 : 0);
  }

  consoleWrite(bytes: Uint8Array<SharedArrayBuffer>): number {
    for (let i = 0; i < bytes.length; i++) this.#uart?.write(RHR, 1, bytes[i]!);
    return bytes.length;
  }

  consoleRead(into: Uint8Array<SharedArrayBuffer>): number {
    let count = 0;
    while (count < into.length) {
      const byte = this.consoleReadByte();
      if (byte < 0) break;
      into[count++] = byte;
    }
    return count;
  }

  consoleWriteByte(byte: number): void {
    this.#uart?.write(RHR, 1, byte & 0xff);
  }

  consoleReadByte(): number {
    if (!this.#uart || (this.#uart.read(LSR, 1) & LSR_DATA_READY) === 0) return -1;
    return this.#uart.read(RHR, 1);
  }
}
