import {expect, it} from 'vitest';
import {VIRTIO_SLOT_COUNT, virtioSlot} from '../../../src/engine/platform/memory-map.js';
import {platformModels, standardPlatform} from '../../../src/engine/platform/standard-platform.js';

it('plans only devices that have a model, each at its own place and interrupt', () => {
  const plans = standardPlatform();
  const kinds = platformModels.map((model) => model.kind);
  expect(plans.map((plan) => plan.kind).toSorted()).toEqual(kinds.toSorted());
  const slots = Array.from({length: VIRTIO_SLOT_COUNT}, (_, index) => virtioSlot(index)!);
  const addresses = [...plans, ...slots].map((place) => place.address);
  const irqs = [...plans, ...slots].map((place) => place.irq).filter((irq) => irq !== 0);
  expect(new Set(addresses).size).toBe(addresses.length);
  expect(new Set(irqs).size).toBe(irqs.length);
});

it('has twelve virtio slots', () => {
  expect(virtioSlot(0)).toEqual({address: 0x1000_1000, irq: 1});
  expect(virtioSlot(7)).toEqual({address: 0x1000_8000, irq: 8});
  expect(virtioSlot(8)).toEqual({address: 0x1000_9000, irq: 13});
  expect(virtioSlot(11)).toEqual({address: 0x1000_c000, irq: 16});
  expect([virtioSlot(12), virtioSlot(-1), virtioSlot(0.5)]).toEqual([undefined, undefined, undefined]);
});
