import {randomUUID} from 'node:crypto';
import {afterEach, describe, expect, it, vi} from 'vitest';
import {NetworkCaptures} from '../../../../src/manager/hypervisor/builtin/network-captures.js';
import {
  CAPTURE_LEASE_MS,
  type CaptureRequest,
  captureRequestSchema,
  MAX_CAPTURE_FRAMES,
  MAX_CAPTURES,
} from '../../../../src/manager/protocol/network.js';
import {COMPLETE_FRAME, type FrameTap} from '../../../../src/paravirt/net/contract.js';

afterEach(() => void vi.useRealTimers());

/** A card, and whoever looks at its frames. */
function open() {
  let tap: FrameTap | undefined;
  const captures = new NetworkCaptures((next) => {
    tap = next;
  });
  const ask = (captureId: string, more: Partial<CaptureRequest> = {}, signal = new AbortController().signal) =>
    captures.ask(captureRequestSchema.parse({captureId, ...more}), signal);
  return {
    captures,
    ask,
    isWatched: () => tap !== undefined,
    pass: (first: number) => tap?.frame('sent', Uint8Array.of(first, 2, 3), 3, [], COMPLETE_FRAME),
  };
}
const firsts = ({frames}: {readonly frames: readonly {readonly data: string}[]}) =>
  frames.map(({data}) => Buffer.from(data, 'base64')[0]);

describe('captures of a machine', () => {
  it('tell the frames since the request before, each capture its own, and nobody looks after the last', async () => {
    const {ask, pass, isWatched} = open();
    const [one, other] = [randomUUID(), randomUUID()];
    await ask(one, {isFirst: true});
    pass(1);
    await ask(other, {isFirst: true, snapBytes: 1});
    pass(2);
    expect(firsts(await ask(one))).toEqual([1, 2]);
    pass(3);
    const {frames, seenCount} = await ask(other);
    expect([frames.map(({data, frameBytes}) => [data, frameBytes]), seenCount]).toEqual([
      [
        ['Ag==', 3],
        ['Aw==', 3],
      ],
      2,
    ]);
    expect(firsts(await ask(one, {isLast: true}))).toEqual([3]);
    expect(isWatched()).toBe(true);
    await ask(other, {isLast: true});
    expect(isWatched()).toBe(false);
    await expect(ask(one)).rejects.toMatchObject({code: 'bad-request'});
  });

  it('wait for a frame, or for the end, which has all that was seen', async () => {
    const {ask, pass} = open();
    const id = randomUUID();
    await ask(id, {isFirst: true});
    const waiting = ask(id, {waitMs: 10_000});
    pass(7);
    expect(firsts(await waiting)).toEqual([7]);
    const again = ask(id, {waitMs: 10_000});
    const last = ask(id, {isLast: true});
    expect([firsts(await again), firsts(await last)]).toEqual([[], []]);
  });

  it('give what was seen until the end in as many answers as it takes, and see no more', async () => {
    const {ask, pass, isWatched} = open();
    const id = randomUUID();
    await ask(id, {isFirst: true});
    for (let i = 0; i <= MAX_CAPTURE_FRAMES; i++) pass(i & 0xff);
    const last = await ask(id, {isLast: true});
    expect([last.frames.length, last.waitingCount, isWatched()]).toEqual([MAX_CAPTURE_FRAMES, 1, false]);
    expect(await ask(id, {isLast: true})).toMatchObject({frames: [{}], waitingCount: 0});
    await expect(ask(id, {isLast: true})).rejects.toMatchObject({code: 'bad-request'});
  });

  it('end when a request is given up: its client has gone', async () => {
    const {ask, isWatched} = open();
    const id = randomUUID();
    await ask(id, {isFirst: true});
    const gone = new AbortController();
    const waiting = ask(id, {waitMs: 10_000}, gone.signal);
    gone.abort();
    await expect(waiting).rejects.toThrow();
    expect(isWatched()).toBe(false);
  });

  it('end when nobody asks for their frames', async () => {
    vi.useFakeTimers();
    const {ask, captures, isWatched} = open();
    const id = randomUUID();
    await ask(id, {isFirst: true});
    vi.advanceTimersByTime(CAPTURE_LEASE_MS - 1);
    await ask(id);
    vi.advanceTimersByTime(CAPTURE_LEASE_MS - 1);
    expect(captures.size).toBe(1);
    vi.advanceTimersByTime(1);
    expect([captures.size, isWatched()]).toEqual([0, false]);
  });

  it('are as many as the limit says', async () => {
    const {ask} = open();
    for (let i = 0; i < MAX_CAPTURES; i++) await ask(randomUUID(), {isFirst: true});
    await expect(ask(randomUUID(), {isFirst: true})).rejects.toMatchObject({code: 'bad-request'});
  });
});
