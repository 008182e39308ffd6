import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {ByteRing} from '../../../src/manager/console/byte-ring.js';
import {StreamPump} from '../../../src/manager/console/stream-pump.js';

describe('a byte ring', () => {
  it('holds the newest bytes of any stream, at their offsets', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({maxLength: 40}), {maxLength: 30}),
        fc.integer({min: 1, max: 32}),
        fc.integer({min: 0, max: 2 ** 52}),
        (pieces, capacity, first) => {
          const ring = new ByteRing(capacity, first);
          const all: number[] = [];
          for (const piece of pieces) {
            ring.append(piece);
            all.push(...piece);
          }
          expect(ring.endOffset).toBe(first + all.length);
          const kept = ring.read(0, 1000);
          expect([...kept.bytes]).toEqual(all.slice(-capacity));
          expect(kept.offset).toBe(ring.startOffset);
          const from = first + Math.max(0, all.length - 3);
          const tail = ring.read(from, 2);
          expect([...tail.bytes]).toEqual(all.slice(tail.offset - first, tail.offset - first + tail.bytes.length));
        },
      ),
    );
  });

  it('forgets what was before a gap', () => {
    const ring = new ByteRing(8);
    ring.append(Buffer.from('abc'));
    ring.skipTo(10);
    ring.append(Buffer.from('de'));
    expect(ring.read(0, 100)).toEqual({offset: 10, bytes: new Uint8Array(Buffer.from('de'))});
  });
});

describe('a stream pump', () => {
  it('sends all in order to a receiver that keeps up, and skips for one that does not, without waiting bytes', () => {
    const ring = new ByteRing(10);
    const sent: [number, string][] = [];
    const target = {
      bufferedBytes: 0,
      send: (offset: number, bytes: Uint8Array) => void sent.push([offset, `${Buffer.from(bytes)}`]),
    };
    const pump = new StreamPump(ring, target, 0, {pieceBytes: 4, highWaterBytes: 1});
    ring.append(Buffer.from('abcdef'));
    pump.pull();
    expect(sent).toEqual([
      [0, 'abcd'],
      [4, 'ef'],
    ]);
    target.bufferedBytes = 1;
    ring.append(Buffer.from('0123456789012'));
    pump.pull();
    expect(sent).toHaveLength(2);
    target.bufferedBytes = 0;
    pump.pull();
    expect(sent.slice(2)).toEqual([
      [9, '3456'],
      [13, '7890'],
      [17, '12'],
    ]);
  });
});
