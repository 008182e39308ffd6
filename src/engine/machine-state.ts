/**
 * A machine at one instant without its RAM: harts, devices, clock. It is JSON, free of where this build of the emulator
 * keeps things except inside a device's registers, whose layout belongs to its model.
 */
import {deviceSlices} from './assembly.js';
import type {DeviceModel, DevicePlan} from './contract.js';
import {EngineError} from './error.js';
import {restoreHart, type SavedHart, saveHart, word} from './hart/saved-hart.js';
import {HartState, type MemoryViews} from './hart/state.js';
import {CLOCK_STOPPED} from './memory/header.js';
import type {MemoryLayout} from './memory/layout.js';

/** The registers of one device, base64. */
export interface SavedDevice {
  readonly kind: string;
  readonly address: number;
  readonly registers: string;
}

/** See the module. */
export interface MachineState {
  readonly memoryBytes: number;
  readonly hasSbi: boolean;
  /** Physical address of HTIF's tohost, or -1. */
  readonly tohost: number;
  /** Guest time. Units: nanoseconds since the machine was first started */
  readonly clockNs: number;
  readonly harts: readonly SavedHart[];
  /** Interrupt controller and timer first, then in the order of the plans. */
  readonly devices: readonly SavedDevice[];
}

/** What a machine's state lies in. */
export interface StatePlace {
  readonly views: MemoryViews;
  readonly layout: MemoryLayout;
  readonly plans: readonly DevicePlan[];
  readonly models: readonly DeviceModel[];
}

/** Reads the state of a machine that stands still. */
export function saveMachine({views, layout, plans, models}: StatePlace, hasSbi: boolean, tohost: number): MachineState {
  return {
    memoryBytes: layout.ramBytes,
    hasSbi,
    tohost,
    clockNs: views.f64[CLOCK_STOPPED >> 3]!,
    harts: Array.from({length: layout.hartCount}, (_, id) => saveHart(new HartState(id, views, layout))),
    devices: deviceSlices(layout.deviceBase, plans, models).map(({kind, address, at, bytes}) => ({
      kind,
      address,
      registers: Buffer.from(views.u8.slice(at, at + bytes)).toString('base64'),
    })),
  };
}

/**
 * Fills the zeroed memory of a machine that has not started. RAM is the caller's.
 * Errors: EngineError `bad-state` when it is the state of another machine, or of none
 */
export function restoreMachine({views, layout, plans, models}: StatePlace, state: MachineState): void {
  const slices = deviceSlices(layout.deviceBase, plans, models);
  if (state.memoryBytes !== layout.ramBytes) throw differs('another memory size');
  if (state.harts.length !== layout.hartCount) throw differs('another number of CPUs');
  if (state.devices.length !== slices.length) throw differs('other devices');
  slices.forEach(({kind, address, at, bytes}, i) => {
    const saved = state.devices[i]!;
    const registers = Buffer.from(saved.registers, 'base64');
    if (saved.kind !== kind || saved.address !== address || registers.length !== bytes) throw differs('other devices');
    views.u8.set(registers, at);
  });
  for (const [id, saved] of state.harts.entries()) restoreHart(new HartState(id, views, layout), saved);
  if (!(state.clockNs >= 0)) throw differs('no time');
  views.f64[CLOCK_STOPPED >> 3] = state.clockNs;
}

/** Where each hart of a saved machine goes on. */
export function startAddresses(state: MachineState): readonly bigint[] {
  return state.harts.map(({pc}) => word(pc));
}

function differs(how: string): EngineError {
  return new EngineError('bad-state', `The saved state is of a machine with ${how}.`, 'Restore it as it was saved.');
}
