/**
 * One thread's view of all devices of a machine: the same objects over the same shared cells on every hart thread and
 * on the I/O thread. Devices get their state slice, interrupt line, clock and doorbell here.
 */
import type {DeviceContext, DeviceModel, DevicePlan, Doorbell, MmioRegion} from './contract.js';
import {EngineError} from './error.js';
import {MIP} from './hart/csr-table.js';
import {hartBlock, MTIMECMP} from './hart/layout.js';
import {kick, lower, raise} from './hart/signals.js';
import type {MemoryViews} from './hart/state.js';
import {externalBits} from './hart/traps.js';
import type {BusDevice} from './memory/bus.js';
import {Bus} from './memory/bus.js';
import type {MachineClock} from './memory/clock.js';
import {ATTENTION, DOORBELL_COUNTS, DOORBELLS, ENDED, MAX_DEVICES, RUN_STATE} from './memory/header.js';
import {aclint, createAclint} from './platform/aclint.js';
import {memoryMap} from './platform/memory-map.js';
import {createPlic, plic} from './platform/plic.js';

/** A device of this thread. */
export interface AssembledDevice {
  readonly plan: DevicePlan;
  readonly model: DeviceModel;
  readonly region: MmioRegion;
  readonly context: DeviceContext;
}

/** The devices of a machine as one thread sees them. */
export interface Assembly {
  /** In the order of the plans. */
  readonly devices: readonly AssembledDevice[];
  readonly bus: Bus;
}

const align = (bytes: number) => Math.ceil(bytes / 64) * 64;

/**
 * Finds the model of a plan.
 * Errors: EngineError `bad-spec` for a kind that no model has
 */
export function modelOf(plan: DevicePlan, models: readonly DeviceModel[]): DeviceModel {
  const model = models.find(({kind}) => kind === plan.kind);
  if (!model) throw new EngineError('bad-spec', `There is no device model "${plan.kind}".`, 'Remove that device.');
  return model;
}

/** The registers of one device in shared memory. */
export interface DeviceSlice {
  readonly kind: string;
  readonly address: number;
  /** Where they begin, and their length in bytes. */
  readonly at: number;
  readonly bytes: number;
}

/** Where the registers of all devices are: interrupt controller, timer, then in the order of the plans. */
export function deviceSlices(
  deviceBase: number,
  plans: readonly DevicePlan[],
  models: readonly DeviceModel[],
): readonly DeviceSlice[] {
  let next = deviceBase;
  const slice = (kind: string, address: number, bytes: number): DeviceSlice => {
    const at = next;
    next += align(bytes);
    return {kind, address, at, bytes};
  };
  return [
    slice('plic', memoryMap.plic, plic.stateBytes),
    slice('aclint', memoryMap.aclint, aclint.stateBytes),
    ...plans.map((plan) => slice(plan.kind, plan.address, modelOf(plan, models).stateBytes)),
  ];
}

/** Bytes of shared memory that the devices' state takes, interrupt controller and timer included. */
export function deviceStateBytes(plans: readonly DevicePlan[], models: readonly DeviceModel[]): number {
  if (plans.length + 2 > MAX_DEVICES)
    throw new EngineError('bad-spec', `A machine has at most ${MAX_DEVICES - 2} devices.`, 'Remove some devices.');
  const own = align(plic.stateBytes) + align(aclint.stateBytes);
  return plans.reduce((sum, plan) => sum + align(modelOf(plan, models).stateBytes), own);
}

/** Wakes the I/O thread for a device; see `contract.ts`. */
class SharedDoorbell implements Doorbell {
  readonly #i32: Int32Array<SharedArrayBuffer>;
  readonly #index: number;

  constructor(i32: Int32Array<SharedArrayBuffer>, index: number) {
    this.#i32 = i32;
    this.#index = index;
  }

  ring(): void {
    Atomics.or(this.#i32, DOORBELLS >> 2, 1 << this.#index);
    Atomics.add(this.#i32, ATTENTION >> 2, 1);
    Atomics.notify(this.#i32, ATTENTION >> 2);
  }

  ringAndWait(): void {
    const asked = (DOORBELL_COUNTS >> 2) + this.#index * 2;
    const turn = (Atomics.add(this.#i32, asked, 1) + 1) | 0;
    this.ring();
    for (;;) {
      const served = Atomics.load(this.#i32, asked + 1);
      if (((served - turn) | 0) >= 0 || Atomics.load(this.#i32, RUN_STATE >> 2) === ENDED) return;
      // The bound lets a hart notice that the machine ended without an answer.
      Atomics.wait(this.#i32, asked + 1, served, 100);
    }
  }
}

/** Builds this thread's devices over the machine's shared memory. */
export function assemble(
  views: MemoryViews,
  deviceBase: number,
  hartCount: number,
  plans: readonly DevicePlan[],
  models: readonly DeviceModel[],
  clock: MachineClock,
): Assembly {
  const [controllerSlice, timerSlice, ...slices] = deviceSlices(deviceBase, plans, models);
  const cellsOf = ({at, bytes}: DeviceSlice) => new Int32Array(views.buffer, at, bytes >> 2);
  const controller = createPlic(cellsOf(controllerSlice!), hartCount, (context, isPending) => {
    const bits = externalBits((context & 1) === 0);
    if (isPending) raise(views, context >> 1, bits);
    else lower(views, context >> 1, bits);
  });
  const timer = createAclint({
    cells: cellsOf(timerSlice!),
    hartCount,
    clock,
    setSoftwarePending(hart, isPending) {
      if (isPending) raise(views, hart, MIP.MSIP);
      else lower(views, hart, MIP.MSIP);
    },
    setTimerDeadline(hart, low, high) {
      // The hart's own timer decides whether MTIP is due; it looks when it is kicked.
      const ticks = high * 2 ** 32 + low;
      views.f64[(hartBlock(hart) + MTIMECMP) >> 3] = high >= 0x200000 ? Number.POSITIVE_INFINITY : ticks;
      lower(views, hart, MIP.MTIP);
      kick(views, hart);
    },
  });
  const devices = plans.map((plan, index): AssembledDevice => {
    const model = modelOf(plan, models);
    const slice = slices[index]!;
    const context: DeviceContext = {
      state: new DataView(views.buffer, slice.at, slice.bytes),
      cells: cellsOf(slice),
      irq: {number: plan.irq, set: (isAsserted) => controller.setSource(plan.irq, isAsserted)},
      clock,
      doorbell: new SharedDoorbell(views.i32, index),
    };
    return {plan, model, context, region: model.create(context, plan.options)};
  });
  const onBus: BusDevice[] = devices.map(({plan, model, region}, index) => ({
    index,
    address: plan.address,
    sizeBytes: model.sizeBytes,
    region,
  }));
  onBus.push(
    {index: plans.length, address: memoryMap.plic, sizeBytes: plic.sizeBytes, region: controller},
    {index: plans.length + 1, address: memoryMap.aclint, sizeBytes: aclint.sizeBytes, region: timer},
  );
  return {devices, bus: new Bus(onBus, views.i32)};
}
