import {describe, expect, it} from 'vitest';
import {PAGE_BYTES} from '../../../src/engine/memory/layout.js';
import {PAGE_FLAG} from '../../../src/engine/memory/ram.js';
import {buildGuest, createMachine, type Guest} from '../../support/bare-guest.js';

const AREA = 0x8020_0000;
const PAGES = 256;

/** Counts up in each page of an area, page after page, for ever; each hart in cells of its own. */
const writing: Guest = {
  hartCount: 2,
  text: `
  csrr s3, mhartid
  slli s3, s3, 3
  li s4, ${PAGES}
  round:
    li s0, ${AREA}
    add s0, s0, s3
    mv s1, s4
    li s5, ${PAGE_BYTES}
  next:
    ld s2, 0(s0)
    addi s2, s2, 1
    sd s2, 0(s0)
    add s0, s0, s5
    addi s1, s1, -1
    bnez s1, next
  j round`,
};

const turn = () => new Promise((resolve) => setTimeout(resolve, 1));

describe('frozen RAM', () => {
  it('is copied as it was while harts write to all of it, early where they want to', async () => {
    const {elf} = buildGuest(writing);
    await using machine = await createMachine(writing, elf);
    const {memory} = machine;
    const first = (AREA - memory.baseAddress) / PAGE_BYTES;
    const bytesOf = (page: number) => memory.bytes(AREA + page * PAGE_BYTES, PAGE_BYTES)!;
    const counts = (hart: number) => memory.view.getBigUint64(AREA - memory.baseAddress + hart * 8, true);
    machine.start();
    for (let round = 1n; round <= 5n; round++) {
      while (counts(0) < round * 20n || counts(1) < round * 20n) await turn();
      await machine.pause();
      const expected = Array.from({length: PAGES}, (_, page) => Buffer.from(bytesOf(page)));
      const copies = new Map<number, Buffer>();
      let early = 0;
      const copy = (page: number) => {
        if (copies.has(page)) throw new Error(`page ${page} is copied twice`);
        if (page >= 0 && page < PAGES) copies.set(page, Buffer.from(bytesOf(page)));
        machine.thaw(first + page, 1);
      };
      machine.freeze((page) => {
        early++;
        copy(page - first);
        return true;
      });
      machine.resume();
      for (let page = PAGES - 1; page >= 0; page--) {
        if (page % 32 === 0) await turn();
        if (machine.isFrozen(first + page)) copy(page);
      }
      machine.endFreeze();
      expect(early).toBeGreaterThan(0);
      expect(copies.size).toBe(PAGES);
      for (const [page, content] of copies) expect(Buffer.compare(content, expected[page]!), `page ${page}`).toBe(0);
    }
  });

  it('makes harts wait whose pages are not copied yet, and lets the machine pause and end meanwhile', async () => {
    const {elf} = buildGuest(writing);
    await using machine = await createMachine(writing, elf);
    const {memory} = machine;
    const count = () => memory.view.getBigUint64(AREA - memory.baseAddress, true);
    machine.start();
    while (count() < 5n) await turn();
    await machine.pause();
    const before = Buffer.from(memory.bytes(AREA, PAGES * PAGE_BYTES)!);
    let asked = 0;
    machine.freeze(() => {
      asked++;
      return false;
    });
    machine.resume();
    while (asked < 3) await turn();
    expect(Buffer.compare(before, memory.bytes(AREA, PAGES * PAGE_BYTES)!)).toBe(0);
    machine.endFreeze();
    while (count() <= before.readBigUInt64LE(0)) await turn();
  });

  it('tells afterwards which pages were written since, by harts that had written to them before as well', async () => {
    const {elf} = buildGuest(writing);
    await using machine = await createMachine(writing, elf);
    const {memory} = machine;
    const first = (AREA - memory.baseAddress) / PAGE_BYTES;
    const counts = (page: number) =>
      [0, 8].map((at) => memory.view.getBigUint64(AREA - memory.baseAddress + page * PAGE_BYTES + at, true));
    const all = Array.from({length: PAGES}, (_, page) => page);
    const changed = () => {
      const flags = machine.copyPageFlags();
      return all.filter((page) => (flags[first + page]! & PAGE_FLAG.changed) !== 0);
    };
    machine.start();
    while (counts(0).some((count) => count < 5n)) await turn();
    await machine.pause();
    machine.freeze((page) => {
      machine.thaw(page, 1);
      return true;
    });
    machine.endFreeze();
    expect(changed()).toEqual([]);
    const before = all.map(counts);
    machine.resume();
    while (counts(0)[0]! < before[0]![0]! + 5n) await turn();
    await machine.pause();
    const written = all.filter((page) => counts(page).some((count, hart) => count !== before[page]![hart]));
    expect(changed()).toEqual(written);
    // What nothing will stand on leaves that as it is.
    machine.freeze((page) => {
      machine.thaw(page, 1);
      return true;
    }, true);
    machine.endFreeze();
    expect(changed()).toEqual(written);
    machine.freeze(() => true);
    machine.endFreeze();
    memory.markWritten(AREA + PAGE_BYTES, 1);
    expect(changed()).toEqual([1]);
  });

  it('is copied before it is discarded, and only what was ever written becomes zeros', async () => {
    const {elf} = buildGuest(writing);
    await using machine = await createMachine(writing, elf);
    await machine.pause();
    const {memory} = machine;
    const end = AREA + 16 * PAGE_BYTES;
    memory.bytes(end, 2 * PAGE_BYTES)!.fill(7);
    memory.markWritten(end, PAGE_BYTES);
    const taken: number[] = [];
    machine.freeze((page) => {
      taken.push(memory.bytes(memory.baseAddress + page * PAGE_BYTES, 1)![0]!);
      machine.thaw(page, 1);
      return true;
    });
    // Half a page at the end is none.
    memory.discard(end, PAGE_BYTES * 2.5);
    expect(taken).toEqual([7]);
    // The second was filled behind RAM's back: it counts as never written, and is left alone.
    expect([0, 1].map((page) => memory.bytes(end + page * PAGE_BYTES, 1)![0])).toEqual([0, 7]);
    machine.endFreeze();
  });

  it('is written by devices only when it was copied', async () => {
    const {elf} = buildGuest(writing);
    await using machine = await createMachine(writing, elf);
    await machine.pause();
    const {memory} = machine;
    memory.markWritten(AREA, 2 * PAGE_BYTES);
    const taken: [number, boolean][] = [];
    machine.freeze((page, isUrgent) => {
      taken.push([page - (AREA - memory.baseAddress) / PAGE_BYTES, isUrgent]);
      machine.thaw(page, 1);
      return true;
    });
    memory.prepareWrite(AREA + PAGE_BYTES - 4, 8);
    memory.prepareWrite(AREA, 8);
    expect(taken).toEqual([
      [0, true],
      [1, true],
    ]);
    machine.endFreeze();
  });
});
