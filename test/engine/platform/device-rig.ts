import type {DeviceContext, DeviceModel, MmioRegion} from '../../../src/engine/contract.js';

/** A device on a bench: its interrupt level, doorbell counts and clock are visible and settable. */
export interface DeviceRig<Device> {
  readonly device: Device;
  readonly context: DeviceContext;
  isAsserted: boolean;
  rings: number;
  waits: number;
  nowNs: number;
  /** Runs while a hart waits in `ringAndWait`, as the device's listener on the I/O thread would. */
  onWait: () => void;
}

/** Builds one device over fresh zeroed state. */
export function rigOf<Options, Device extends MmioRegion>(
  model: DeviceModel<Options, Device>,
  options: Options,
): DeviceRig<Device> {
  const buffer = new SharedArrayBuffer(model.stateBytes + 64);
  const rig = {isAsserted: false, rings: 0, waits: 0, nowNs: 0, onWait: () => {}};
  const context: DeviceContext = {
    // Not at the start of the buffer, as in a machine.
    state: new DataView(buffer, 64, model.stateBytes),
    cells: new Int32Array(buffer, 64, model.stateBytes >> 2),
    irq: {
      number: 1,
      set: (isAsserted) => {
        rig.isAsserted = isAsserted;
      },
    },
    clock: {nowNs: () => rig.nowNs},
    doorbell: {
      ring: () => {
        rig.rings++;
      },
      ringAndWait: () => {
        rig.waits++;
        rig.onWait();
      },
    },
  };
  return Object.assign(rig, {device: model.create(context, options), context});
}
