import {afterEach, beforeEach, expect, it, vi} from 'vitest';
import {goldfishRtc} from '../../../src/engine/platform/goldfish-rtc.js';
import {rigOf} from './device-rig.js';

const [TIME_LOW, TIME_HIGH, ALARM_LOW, ALARM_HIGH] = [0, 4, 8, 12];
const [IRQ_ENABLED, CLEAR_ALARM, ALARM_STATUS, CLEAR_INTERRUPT] = [16, 20, 24, 28];
const NOW_MS = Date.UTC(2024, 1, 29, 12);

beforeEach(() => {
  vi.useFakeTimers({now: NOW_MS, toFake: ['Date']});
});
afterEach(() => {
  vi.useRealTimers();
});

function rig() {
  const made = rigOf(goldfishRtc, undefined);
  const read = (offset: number) => made.device.read(offset, 4);
  const write = (offset: number, value: number) => made.device.write(offset, 4, value);
  return {
    ...{made, read, write},
    time: () => BigInt(read(TIME_LOW)) | (BigInt(read(TIME_HIGH)) << 32n),
    writePair: (low: number, high: number, value: bigint) => {
      write(high, Number(value >> 32n));
      write(low, Number(value & 0xffff_ffffn));
    },
  };
}

it('shows the wall clock in nanoseconds', () => {
  expect(rig().time()).toBe(BigInt(NOW_MS) * 1_000_000n);
});

it('keeps the high half that belongs to a low half just read', () => {
  const rtc = rig();
  rtc.read(TIME_LOW);
  const before = BigInt(NOW_MS) * 1_000_000n;
  vi.setSystemTime(NOW_MS + 10_000);
  expect(BigInt(rtc.read(TIME_HIGH))).toBe(before >> 32n);
});

it('goes on from the time a guest sets', () => {
  const rtc = rig();
  rtc.writePair(TIME_LOW, TIME_HIGH, 1_000_000_000_000_000_000n);
  vi.setSystemTime(NOW_MS + 2_000);
  expect(rtc.time()).toBe(1_000_000_002_000_000_000n);
});

it('raises its interrupt when the alarm is due, not before', () => {
  const rtc = rig();
  rtc.write(IRQ_ENABLED, 1);
  rtc.writePair(ALARM_LOW, ALARM_HIGH, BigInt(NOW_MS + 1_500) * 1_000_000n);
  expect(rtc.made.rings).toBe(1);
  expect(rtc.read(ALARM_STATUS)).toBe(1);
  expect(rtc.made.device.nextAlarmMs()).toBe(1_500);
  rtc.made.device.fireDueAlarm();
  expect(rtc.made.isAsserted).toBe(false);
  vi.setSystemTime(NOW_MS + 1_500);
  expect(rtc.made.device.nextAlarmMs()).toBe(0);
  rtc.made.device.fireDueAlarm();
  expect(rtc.made.isAsserted).toBe(true);
  expect([rtc.read(ALARM_STATUS), rtc.made.device.nextAlarmMs()]).toEqual([0, undefined]);
  rtc.write(CLEAR_INTERRUPT, 1);
  expect(rtc.made.isAsserted).toBe(false);
});

it('holds a due alarm back while interrupts are off', () => {
  const rtc = rig();
  rtc.writePair(ALARM_LOW, ALARM_HIGH, 1n);
  rtc.made.device.fireDueAlarm();
  expect(rtc.made.isAsserted).toBe(false);
  rtc.write(IRQ_ENABLED, 1);
  expect(rtc.made.isAsserted).toBe(true);
});

it('forgets a cleared alarm', () => {
  const rtc = rig();
  rtc.write(IRQ_ENABLED, 1);
  rtc.writePair(ALARM_LOW, ALARM_HIGH, 1n);
  rtc.write(CLEAR_ALARM, 1);
  rtc.made.device.fireDueAlarm();
  expect(rtc.made.isAsserted).toBe(false);
});
