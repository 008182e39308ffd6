import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest';
import {ByteRing} from '../../../src/manager/console/byte-ring.js';
import {PieceTurns} from '../../../src/manager/console/piece-turns.js';
import {StreamPump, socketPumpBounds} from '../../../src/manager/console/stream-pump.js';
import {ViewerPace} from '../../../src/manager/console/viewer-pace.js';

const PACE = 1_048_576;
const BURST = PACE / 64;
const PIECE = socketPumpBounds.pieceBytes;

beforeEach(() => {
  vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance']});
});
afterEach(() => {
  vi.useRealTimers();
});

/** A viewer that reads at once whatever it is sent. */
function viewer(ring: ByteRing, turns: PieceTurns, nextOffset = 0) {
  const sent: {readonly offset: number; readonly bytes: Uint8Array}[] = [];
  const target = {bufferedBytes: 0, send: (offset: number, bytes: Uint8Array) => void sent.push({offset, bytes})};
  const pump = new StreamPump(ring, target, nextOffset, socketPumpBounds, turns);
  return {pump, sent, target, bytes: () => sent.reduce((sum, {bytes}) => sum + bytes.length, 0)};
}

/** Lets a guest print so many bytes every millisecond, in pieces. */
function print(ring: ByteRing, viewers: readonly {pump: StreamPump}[], ms: number, bytes: number, pieces = 1): void {
  for (let passed = 0; passed < ms; passed++) {
    for (let piece = 0; piece < pieces; piece++) {
      ring.append(new Uint8Array(bytes / pieces).fill(passed));
      for (const {pump} of viewers) pump.pull();
    }
    vi.advanceTimersByTime(1);
  }
}

describe('the pace of viewers', () => {
  it('is kept over time, and owes no more than a burst for what was sent without asking', () => {
    let now = 0;
    const pace = new ViewerPace(PACE, () => now);
    let spent = 0;
    for (; now < 10_000; now++)
      while (pace.waitMs === 0) {
        pace.spend(PIECE);
        spent += PIECE;
      }
    expect(spent).toBeLessThanOrEqual(10 * PACE + BURST + PIECE);
    expect(spent).toBeGreaterThan(9.9 * PACE);
    for (let count = 0; count < 1000; count++) pace.spend(1000);
    expect(pace.waitMs).toBeLessThanOrEqual(PIECE / (PACE / 1000) + 1);
  });

  it.each([
    ['large pieces', 1],
    ['small pieces', 16],
  ])('bounds what all viewers of a guest that floods in %s are sent, which is the same for each', (_, pieces) => {
    const turns = new PieceTurns(new ViewerPace(PACE));
    const ring = new ByteRing(2 ** 20);
    const viewers = Array.from({length: 10}, () => viewer(ring, turns));
    print(ring, viewers, 2000, 16_384, pieces);
    const counts = viewers.map(({bytes}) => bytes());
    const all = counts.reduce((sum, count) => sum + count, 0);
    // What is sent without a turn comes on top, before it is owed.
    expect(all).toBeLessThan(3 * PACE);
    expect(all).toBeGreaterThan(1.9 * PACE);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(2 * PIECE);
    // They are behind, and see the end all the same.
    vi.advanceTimersByTime(20_000);
    for (const {sent} of viewers) {
      const last = sent.at(-1)!;
      expect(last.offset + last.bytes.length).toBe(ring.endOffset);
    }
  });

  it('holds up no small output of other guests, not for a moment', () => {
    const turns = new PieceTurns(new ViewerPace(PACE));
    const ring = new ByteRing(2 ** 20);
    const loud = Array.from({length: 10}, () => viewer(ring, turns));
    print(ring, loud, 100, 16_384);
    const quietRing = new ByteRing(65_536);
    const quiet = viewer(quietRing, turns);
    for (let count = 1; count <= 50; count++) {
      quietRing.append(Buffer.from('typed'));
      quiet.pump.pull();
      expect(quiet.bytes()).toBe(5 * count);
      print(ring, loud, 20, 16_384);
    }
  });

  it('lets one viewer have everything that a guest prints more slowly, in order and without a gap', () => {
    const turns = new PieceTurns(new ViewerPace(PACE));
    const ring = new ByteRing(2 ** 20);
    const one = viewer(ring, turns);
    print(ring, [one], 3000, 1000);
    vi.advanceTimersByTime(100);
    let next = 0;
    for (const {offset, bytes} of one.sent) {
      expect(offset).toBe(next);
      expect(bytes.every((byte, at) => byte === (Math.floor((offset + at) / 1000) & 255))).toBe(true);
      next += bytes.length;
    }
    expect(next).toBe(3_000_000);
  });

  it('leaves the end to one who is behind when its guest is off', () => {
    const turns = new PieceTurns(new ViewerPace(PACE));
    const ring = new ByteRing(2 ** 20);
    const behind = viewer(ring, turns);
    ring.append(new Uint8Array(2 ** 20));
    ring.append(Buffer.from('the end'));
    behind.pump.pull();
    behind.target.bufferedBytes = 1000;
    behind.pump.finish();
    const last = behind.sent.at(-1)!;
    expect(Buffer.from(last.bytes).toString().endsWith('the end')).toBe(true);
    expect(behind.bytes()).toBe(socketPumpBounds.highWaterBytes - 1000);
  });
});

describe('an onlooker', () => {
  const OWN = 65_536;
  const bounds = {mostBehindBytes: 131_072, keptBytes: 32_768};

  function onlooker(ring: ByteRing) {
    const turns = new PieceTurns(new ViewerPace(PACE));
    const sent: {readonly offset: number; readonly bytes: Uint8Array}[] = [];
    const target = {bufferedBytes: 0, send: (offset: number, bytes: Uint8Array) => void sent.push({offset, bytes})};
    const pump = new StreamPump(ring, target, 0, socketPumpBounds, turns, {...bounds, pace: new ViewerPace(OWN)});
    return {pump, sent, bytes: () => sent.reduce((sum, piece) => sum + piece.bytes.length, 0)};
  }

  it('is sent no more than its pace of a flood, and the end of it', () => {
    const ring = new ByteRing(2 ** 20);
    const viewer = onlooker(ring);
    print(ring, [viewer], 4000, 10_000);
    expect(viewer.bytes()).toBeLessThanOrEqual(4 * OWN + 2 * PIECE);
    expect(viewer.bytes()).toBeGreaterThan(2 * OWN);
    vi.advanceTimersByTime(3000);
    const last = viewer.sent.at(-1)!;
    expect(last.offset + last.bytes.length).toBe(ring.endOffset);
    // In order, and each byte once at most.
    for (const [index, piece] of viewer.sent.entries())
      expect(piece.offset).toBeGreaterThanOrEqual(
        index === 0 ? 0 : viewer.sent[index - 1]!.offset + viewer.sent[index - 1]!.bytes.length,
      );
  });

  it('is sent all of what is printed slowly, at once', () => {
    const ring = new ByteRing(2 ** 20);
    const viewer = onlooker(ring);
    for (let line = 0; line < 100; line++) {
      ring.append(new Uint8Array(80));
      viewer.pump.pull();
      expect(viewer.bytes()).toBe((line + 1) * 80);
      vi.advanceTimersByTime(10);
    }
  });

  it('that has left keeps no timer', () => {
    const ring = new ByteRing(2 ** 20);
    const viewer = onlooker(ring);
    print(ring, [viewer], 100, 100_000);
    viewer.pump.stop();
    const before = viewer.bytes();
    vi.advanceTimersByTime(10_000);
    expect(viewer.bytes()).toBe(before);
    expect(vi.getTimerCount()).toBe(0);
  });
});
