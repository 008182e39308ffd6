import {expect, it} from 'vitest';
import {generationId} from '../../../src/engine/platform/generation-id.js';
import {rigOf} from './device-rig.js';

const identifier = (rig: {device: {read(offset: number, size: 1 | 2 | 4): number}}) =>
  [0, 4, 8, 12].map((offset) => rig.device.read(offset, 4));

it('tells of a new generation by another identifier and a pulse, and of the first by none', () => {
  const rig = rigOf(generationId, undefined);
  const levels: boolean[] = [];
  rig.context.irq.set = (isAsserted) => {
    levels.push(isAsserted);
  };
  rig.device.begin();
  const first = identifier(rig);
  expect(levels).toEqual([]);
  rig.device.renew();
  expect(levels).toEqual([true, false]);
  expect(identifier(rig)).not.toEqual(first);
});

it('reads in any size, has nothing behind the identifier, and takes no writes', () => {
  const rig = rigOf(generationId, undefined);
  rig.device.begin();
  const [word] = identifier(rig);
  rig.device.write();
  expect(identifier(rig)[0]).toBe(word);
  expect(rig.device.read(0, 1) + rig.device.read(1, 1) * 2 ** 8 + rig.device.read(2, 2) * 2 ** 16).toBe(word);
  expect(rig.device.read(16, 4)).toBe(0);
});
