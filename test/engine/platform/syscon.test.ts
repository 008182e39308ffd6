import {expect, it} from 'vitest';
import {syscon} from '../../../src/engine/platform/syscon.js';
import {rigOf} from './device-rig.js';

it.each([
  [0x5555, {kind: 'poweroff', status: 0}],
  [0x0007_3333, {kind: 'poweroff', status: 7}],
  [0xffff_3333, {kind: 'poweroff', status: 0xffff}],
  [0x7777, {kind: 'reboot'}],
])('understands %i and holds the hart until the host has seen it', (value, request) => {
  const rig = rigOf(syscon, undefined);
  let seen: unknown;
  rig.onWait = () => {
    seen = rig.device.request();
  };
  rig.device.write(0, 4, value);
  expect(seen).toEqual(request);
});

it('ignores other values, other registers and byte writes', () => {
  const rig = rigOf(syscon, undefined);
  rig.device.write(0, 4, 0x1234);
  rig.device.write(4, 4, 0x5555);
  rig.device.write(0, 1, 0x55);
  expect(rig.device.request()).toBeUndefined();
  expect(rig.waits).toBe(0);
});

it('keeps the first request', () => {
  const rig = rigOf(syscon, undefined);
  rig.device.write(0, 4, 0x0001_3333);
  rig.device.write(0, 4, 0x5555);
  expect(rig.device.request()).toEqual({kind: 'poweroff', status: 1});
});
