import {describe, expect, it} from 'vitest';
import {PACKETS_MAX, PAYLOAD_BYTES_MAX, PIECES_MAX, Reassembler} from '../../../src/paravirt/net/fragments.js';

const piece = (offset: number, length: number, hasMore: boolean, key = 'a') => ({
  ...{key, offset, hasMore},
  bytes: Uint8Array.from({length}, (_, i) => (offset + i) & 0xff),
});
const whole = (length: number) => Uint8Array.from({length}, (_, i) => i & 0xff);

describe('putting packets together', () => {
  it('works in any order', () => {
    const reassembler = new Reassembler();
    expect(reassembler.add(piece(16, 5, false))).toBeUndefined();
    expect(reassembler.add(piece(0, 8, true))).toBeUndefined();
    expect(reassembler.add(piece(8, 8, true))).toEqual(whole(21));
    expect(reassembler.size).toBe(0);
  });

  it.each([
    ['overlap', [piece(0, 16, true), piece(8, 16, true)]],
    ['come twice', [piece(8, 8, false), piece(8, 8, false)]],
    ['lie behind the end', [piece(8, 8, false), piece(16, 8, true)]],
    ['end before another', [piece(16, 8, true), piece(0, 8, false)]],
    ['are cut where none may be', [piece(0, 9, true)]],
    ['are empty', [piece(0, 0, true)]],
    ['reach beyond a packet', [piece(65528, 8, true)]],
  ])('drops a packet whose pieces %s', (_, pieces) => {
    const reassembler = new Reassembler();
    for (const one of pieces) expect(reassembler.add(one)).toBeUndefined();
    expect(reassembler.size).toBe(0);
  });

  it('takes as many pieces as the limit says, and drops a packet with one more', () => {
    const reassembler = new Reassembler();
    for (let count = 0; count < PIECES_MAX; count++) reassembler.add(piece(8 * count, 8, true));
    expect(reassembler.size).toBe(1);
    reassembler.add(piece(8 * PIECES_MAX, 8, true));
    expect(reassembler.size).toBe(0);
  });

  it('puts the longest payload together', () => {
    const reassembler = new Reassembler();
    reassembler.add(piece(0, 32768, true));
    expect(reassembler.add(piece(32768, PAYLOAD_BYTES_MAX - 32768, false))).toHaveLength(PAYLOAD_BYTES_MAX);
  });

  it('keeps as many packets as the limit says, and gives up the oldest for one more', () => {
    const reassembler = new Reassembler();
    for (let count = 0; count <= PACKETS_MAX; count++) reassembler.add(piece(0, 8, true, `${count}`));
    expect(reassembler.size).toBe(PACKETS_MAX);
    expect(reassembler.add(piece(8, 1, false, '1'))).toEqual(whole(9));
    expect(reassembler.add(piece(8, 1, false, '0'))).toBeUndefined();
  });

  it('forgets what is not complete after a while', () => {
    let now = 0;
    const reassembler = new Reassembler(() => now);
    reassembler.add(piece(0, 8, true, 'old'));
    now = 60_000;
    reassembler.add(piece(0, 8, true, 'new'));
    expect(reassembler.size).toBe(1);
  });
});
