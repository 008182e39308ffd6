import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {SCROLLBACK_BYTES_MAX, ScrollbackRing} from '../../../src/paravirt/char/backends/scrollback.js';

describe('scrollback', () => {
  it('is the tail of the stream, whatever the chunks', () => {
    const chunk = fc.uint8Array({maxLength: 9000});
    fc.assert(
      fc.property(
        fc.integer({min: 1, max: 20_000}),
        fc.array(chunk, {maxLength: 12}),
        fc.nat(50_000),
        (capacity, chunks, from) => {
          const ring = new ScrollbackRing(capacity);
          for (const bytes of chunks) ring.append(bytes);
          const stream = Buffer.concat(chunks);
          expect(ring.endOffset).toBe(stream.length);
          const start = Math.max(0, stream.length - capacity);
          expect(ring.startOffset).toBe(start);
          const offset = Math.min(Math.max(from, start), stream.length);
          expect(ring.read(from).offset).toBe(offset);
          expect(Buffer.compare(ring.read(from).bytes, stream.subarray(offset))).toBe(0);
        },
      ),
      {numRuns: 300},
    );
  });

  it('lets a viewer go on where it stopped', () => {
    const ring = new ScrollbackRing(8);
    ring.append(Buffer.from('abcdef'));
    const {offset, bytes} = ring.read(2);
    ring.append(Buffer.from('gh'));
    expect(Buffer.from(ring.read(offset + bytes.length).bytes).toString()).toBe('gh');
  });

  it('has a bound', () => {
    expect(() => new ScrollbackRing(SCROLLBACK_BYTES_MAX + 1)).toThrow(RangeError);
    expect(() => new ScrollbackRing(0)).toThrow(RangeError);
    expect(new ScrollbackRing(SCROLLBACK_BYTES_MAX).capacityBytes).toBe(SCROLLBACK_BYTES_MAX);
  });
});
