import {beforeEach, describe, expect, it} from 'vitest';
import {createPlic, PLIC_MAX_SOURCE, type Plic, plic as plicModel} from '../../../src/engine/platform/plic.js';

const M0 = 0;
const S0 = 1;
const S1 = 3;

let plic: Plic;
let lines: Map<number, boolean>;
let notifications: number;

function cellsOf(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(plicModel.stateBytes));
}

beforeEach(() => {
  lines = new Map();
  notifications = 0;
  plic = createPlic(cellsOf(), 2, (context, isPending) => {
    notifications++;
    lines.set(context, isPending);
  });
});

const setPriority = (source: number, priority: number) => plic.write(source * 4, 4, priority);
const setThreshold = (context: number, value: number) => plic.write(0x20_0000 + context * 0x1000, 4, value);
const claim = (context: number) => plic.read(0x20_0004 + context * 0x1000, 4);
const complete = (context: number, source: number) => plic.write(0x20_0004 + context * 0x1000, 4, source);
const pendingWord = (word: number) => plic.read(0x1000 + word * 4, 4);
function enable(context: number, ...sources: number[]) {
  const words = [0, 0, 0, 0];
  for (const source of sources) words[source >> 5]! |= 1 << (source & 31);
  words.forEach((bits, i) => {
    plic.write(0x2000 + context * 0x80 + i * 4, 4, bits >>> 0);
  });
}

describe('delivery', () => {
  it('needs priority, enable bit and a priority above the threshold', () => {
    plic.setSource(10, true);
    expect(pendingWord(0)).toBe(1 << 10);
    expect(lines.get(S0) ?? false).toBe(false);
    enable(S0, 10);
    expect(lines.get(S0) ?? false).toBe(false);
    setPriority(10, 3);
    expect(lines.get(S0)).toBe(true);
    setThreshold(S0, 3);
    expect(lines.get(S0)).toBe(false);
    setThreshold(S0, 2);
    expect(lines.get(S0)).toBe(true);
    expect(lines.get(M0) ?? false).toBe(false);
    expect(lines.get(S1) ?? false).toBe(false);
  });

  it('notifies only changes', () => {
    enable(S0, 1, 2);
    setPriority(1, 1);
    setPriority(2, 1);
    plic.setSource(1, true);
    plic.setSource(1, true);
    plic.setSource(2, true);
    expect(notifications).toBe(1);
  });

  it('reaches both contexts that enable a source, and one claim takes it from both', () => {
    enable(S0, 5);
    enable(S1, 5);
    setPriority(5, 1);
    plic.setSource(5, true);
    expect([lines.get(S0), lines.get(S1)]).toEqual([true, true]);
    expect(claim(S1)).toBe(5);
    expect([lines.get(S0), lines.get(S1)]).toEqual([false, false]);
    expect(claim(S0)).toBe(0);
  });
});

describe('claim', () => {
  it('takes the highest priority first and the lowest number among equals', () => {
    enable(S0, 3, 40, 41, 96);
    setPriority(3, 1);
    setPriority(40, 5);
    setPriority(41, 5);
    setPriority(96, 7);
    for (const source of [3, 41, 40, 96]) plic.setSource(source, true);
    expect([claim(S0), claim(S0), claim(S0), claim(S0), claim(S0)]).toEqual([96, 40, 41, 3, 0]);
  });

  it('ignores the threshold but not priority 0', () => {
    enable(S0, 3, 4);
    setPriority(3, 1);
    setThreshold(S0, 7);
    plic.setSource(3, true);
    plic.setSource(4, true);
    expect(claim(S0)).toBe(3);
    expect(claim(S0)).toBe(0);
  });

  it('clears the pending bit', () => {
    enable(S0, 33);
    setPriority(33, 1);
    plic.setSource(33, true);
    expect(pendingWord(1)).toBe(2);
    claim(S0);
    expect(pendingWord(1)).toBe(0);
  });
});

describe('the gateway', () => {
  beforeEach(() => {
    enable(S0, 10);
    setPriority(10, 1);
  });

  it('raises again after completion while the level is high', () => {
    plic.setSource(10, true);
    expect(claim(S0)).toBe(10);
    expect(lines.get(S0)).toBe(false);
    complete(S0, 10);
    expect(lines.get(S0)).toBe(true);
  });

  it('stays quiet after completion when the level went low', () => {
    plic.setSource(10, true);
    claim(S0);
    plic.setSource(10, false);
    complete(S0, 10);
    expect(lines.get(S0)).toBe(false);
    expect(pendingWord(0)).toBe(0);
  });

  it('forwards nothing between claim and completion', () => {
    plic.setSource(10, true);
    claim(S0);
    plic.setSource(10, false);
    plic.setSource(10, true);
    expect(pendingWord(0)).toBe(0);
    complete(S0, 10);
    expect(claim(S0)).toBe(10);
  });

  it('keeps a request pending whose level went low before the claim', () => {
    plic.setSource(10, true);
    plic.setSource(10, false);
    expect(lines.get(S0)).toBe(true);
    expect(claim(S0)).toBe(10);
  });

  it('ignores completion by a context that does not enable the source', () => {
    plic.setSource(10, true);
    claim(S0);
    complete(S1, 10);
    expect(pendingWord(0)).toBe(0);
    complete(S0, 10);
    expect(pendingWord(0)).toBe(1 << 10);
  });
});

describe('registers', () => {
  it('hold 3-bit priorities and thresholds and existing enable bits only', () => {
    setPriority(7, 0xff);
    expect(plic.read(28, 4)).toBe(7);
    setPriority(0, 7);
    expect(plic.read(0, 4)).toBe(0);
    setThreshold(S0, 0xffff_ffff);
    expect(plic.read(0x20_1000, 4)).toBe(7);
    for (let word = 0; word < 5; word++) plic.write(0x2080 + word * 4, 4, 0xffff_ffff);
    const read = [0, 1, 2, 3, 4].map((word) => plic.read(0x2080 + word * 4, 4));
    expect(read).toEqual([0xffff_fffe, 0xffff_ffff, 0xffff_ffff, 1, 0]);
  });

  it('do not exist beyond the last source and the last hart', () => {
    setPriority(PLIC_MAX_SOURCE + 1, 7);
    expect(plic.read((PLIC_MAX_SOURCE + 1) * 4, 4)).toBe(0);
    enable(4, 1);
    expect(plic.read(0x2000 + 4 * 0x80, 4)).toBe(0);
    setThreshold(4, 7);
    expect(plic.read(0x20_0000 + 4 * 0x1000, 4)).toBe(0);
    plic.setSource(0, true);
    plic.setSource(500, true);
    expect(pendingWord(0)).toBe(0);
    plic.write(0x1000, 4, 0xffff_ffff);
    expect(pendingWord(0)).toBe(0);
  });
});
