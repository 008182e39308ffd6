/** Which devices every machine has, and where. The one list of them. */
import type {DeviceModel, DevicePlan} from '../contract.js';
import {generationId} from './generation-id.js';
import {goldfishRtc} from './goldfish-rtc.js';
import {irqMap, memoryMap} from './memory-map.js';
import {syscon} from './syscon.js';
import {uart16550} from './uart16550.js';

const rows: readonly {readonly model: DeviceModel; readonly address: number; readonly irq: number}[] = [
  {model: syscon, address: memoryMap.test, irq: 0},
  {model: goldfishRtc, address: memoryMap.rtc, irq: irqMap.rtc},
  {model: generationId, address: memoryMap.generationId, irq: irqMap.generationId},
  {model: uart16550, address: memoryMap.uart, irq: irqMap.uart},
];

/** Models of the platform's own devices, for every thread that runs harts. */
export const platformModels: readonly DeviceModel[] = rows.map((row) => row.model);

/**
 * Plans of the devices every machine has: finisher, real-time clock, generation identifier, serial port. Virtio devices come after them;
 * interrupt controller and timer are not in the list, the machine builds them itself.
 */
export function standardPlatform(): DevicePlan[] {
  return rows.map(({model, address, irq}) => ({kind: model.kind, address, irq, options: undefined}));
}
