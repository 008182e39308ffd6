/**
 * A hart's thread. `runHart` is called once by the entry file of a hart worker with the device models that machines of
 * this process may have; everything else arrives as messages, so that a thread may be up before its machine is known.
 */
import {type MessagePort, parentPort} from 'node:worker_threads';
import {assemble} from '../assembly.js';
import {HandlerSet} from '../codegen/interpreter.js';
import {fusedSequences} from '../codegen/sequences.js';
import type {DeviceModel, DevicePlan} from '../contract.js';
import {Decoder} from '../isa/decoder.js';
import {instructions} from '../isa/instructions.js';
import {awaitPage} from '../memory/absent-pages.js';
import {MachineClock} from '../memory/clock.js';
import {awaitThaw} from '../memory/freezer.js';
import {PARKED} from '../memory/header.js';
import type {MemoryLayout} from '../memory/layout.js';
import {RAM_BASE} from '../memory/layout.js';
import {Ram} from '../memory/ram.js';
import type {RegionSettings, Tier} from '../tiers.js';
import {MENVCFG, SLOT} from './csr-table.js';
import {Hart} from './hart.js';
import {endMachine, SbiCalls} from './sbi-calls.js';
import {HartState, type MemoryViews, viewMemory} from './state.js';

/** What a hart worker is told first, structured-cloneable. The interpreter's module follows as the second message. */
export interface HartBirth {
  readonly id: number;
  readonly memory: WebAssembly.Memory;
  readonly layout: MemoryLayout;
  readonly tier: Tier;
  readonly settings: RegionSettings;
  /** To the region compiler, in tier `auto`. */
  readonly compiler: MessagePort | undefined;
  readonly plans: readonly DevicePlan[];
  /** True when the emulator is the supervisor's firmware. */
  readonly hasSbi: boolean;
  /** Where the hart starts. */
  readonly pc: bigint;
  /** Physical address of HTIF's tohost, or -1. */
  readonly tohost: number;
}

/** What a hart worker reports. */
export interface HartMessage {
  readonly kind: 'fault';
  readonly reason: string;
  readonly stack: string | undefined;
  readonly pc: bigint;
}

/** Numbers of EXIT_KIND. */
export const EXIT = {poweroff: 1, reboot: 2, fault: 3} as const;

const UART_BASE = 0x10000000;

/** Runs the hart that this worker is told to be once its interpreter is there, until the machine ends. */
export function runHart({models}: {readonly models: readonly DeviceModel[]}): void {
  let begin: ((interpreter: WebAssembly.Module) => void) | undefined;
  const listen = (message: HartBirth | WebAssembly.Module) => {
    if (message instanceof WebAssembly.Module) {
      parentPort?.off('message', listen);
      begin?.(message);
    } else begin = prepareHart(message, models);
  };
  parentPort?.on('message', listen);
}

/** Puts a hart together; it runs when it is given its interpreter. */
function prepareHart(data: HartBirth, models: readonly DeviceModel[]): (interpreter: WebAssembly.Module) => void {
  const views = viewMemory(data.memory.buffer);
  const {layout} = data;
  const clock = new MachineClock(views.f64);
  const assembly = assemble(views, layout.deviceBase, layout.hartCount, data.plans, models, clock);
  const state = new HartState(data.id, views, layout);
  const ram = new Ram(
    views,
    layout,
    (page) => awaitThaw(views, layout, data.id, page),
    (page) => awaitPage(views, layout, data.id, page),
  );
  const sbi = data.hasSbi ? new SbiCalls(views, layout, ram, assembly.devices) : undefined;
  const handlers = new HandlerSet(new Decoder(instructions), fusedSequences);
  const hart = new Hart({state, handlers, bus: assembly.bus, clock, devices: assembly.devices, ...(sbi ? {sbi} : {})});
  // A restored guest may have turned it on.
  hart.timer.isStimecmpOn = data.hasSbi || (state.csr(SLOT.menvcfg) & MENVCFG.STCE) !== 0n;
  if (data.tohost >= 0) {
    const put = (byte: number) => {
      const uart = assembly.bus.find(UART_BASE, 1);
      if (uart) assembly.bus.write(uart, UART_BASE, 1, byte);
    };
    hart.mmu.watch(data.tohost, () => serveHtif(ram, data.tohost, put, (status) => end(EXIT.poweroff, status)));
  }
  const end = (kind: number, status: number) => endMachine(views, layout.hartCount, kind, status);
  const pages = layout.totalBytes / 65536;
  const limits = {initialPages: pages, maximumPages: pages};
  const regions = {settings: data.settings, limits, ...(data.compiler ? {compiler: data.compiler} : {})};
  return (interpreter) => {
    hart.link(interpreter, data.memory, data.tier === 'interpreter' ? undefined : regions);
    hart.setPc(Number(BigInt.asIntN(32, data.pc)), Number(BigInt.asIntN(32, data.pc >> 32n)));
    run(hart, views, end);
  };
}

function run(hart: Hart, views: MemoryViews, end: (kind: number, status: number) => void): void {
  try {
    hart.loop();
  } catch (error) {
    hart.traps.locate();
    const message: HartMessage = {
      kind: 'fault',
      reason: String(error),
      stack: error instanceof Error ? error.stack : undefined,
      pc: (BigInt(hart.traps.pcHigh >>> 0) << 32n) | BigInt(hart.traps.pcLow >>> 0),
    };
    parentPort?.postMessage(message);
    end(EXIT.fault, 0);
  } finally {
    Atomics.add(views.i32, PARKED >> 2, 1);
    Atomics.notify(views.i32, PARKED >> 2);
  }
}

/**
 * Acts on a store to HTIF's tohost: bit 0 set ends the machine with the rest as status, device 1 command 1 prints a
 * character, device 0 with bit 0 clear is a system call block (only `write` and `exit` exist).
 * Source: the behaviour of Spike's fesvr
 */
function serveHtif(ram: Ram, tohost: number, put: (byte: number) => void, exit: (status: number) => void): void {
  const at = tohost - RAM_BASE;
  const low = ram.view.getUint32(at, true);
  const high = ram.view.getUint32(at + 4, true);
  if (low === 0 && high === 0) return;
  const device = high >>> 24;
  const command = (high >>> 16) & 0xff;
  if (device === 0 && (low & 1) === 1) {
    exit(Math.min(((high & 0xffff) * 2 ** 31 + (low >>> 1)) >>> 0, 0xffffffff));
    return;
  }
  if (device === 1 && command === 1) put(low & 0xff);
  else if (device === 0 && ram.contains(low, 64)) {
    const word = (index: number) => ram.view.getUint32(low - RAM_BASE + index * 8, true);
    if (word(0) === 93) exit(word(1));
    if (word(0) === 64) {
      const bytes = ram.bytes(word(2), Math.min(word(3), 65536));
      for (const byte of bytes ?? []) put(byte);
      ram.prepareWrite(low, 8);
      ram.view.setUint32(low - RAM_BASE, bytes?.length ?? 0, true);
    }
  }
  ram.prepareWrite(tohost, 8);
  ram.view.setBigUint64(at, 0n, true);
}
