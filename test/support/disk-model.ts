import {expect} from 'vitest';
import {type BlockBackend, SECTOR_BYTES} from '../../src/paravirt/block/contract.js';
import type {SeededRandom} from './seeded-random.js';

/** A disk and what it must read as: random requests go to both. */
export class DiskModel {
  readonly disk: BlockBackend;
  readonly bytes: Uint8Array;
  readonly random: SeededRandom;
  operations = 0;

  constructor(disk: BlockBackend, bytes: Uint8Array, random: SeededRandom) {
    this.disk = disk;
    this.bytes = bytes;
    this.random = random;
  }

  /** Does `count` random requests, up to `parallel` of them at once on parts of the disk that do not touch. */
  async run(
    count: number,
    {parallel = 4, lengthMax = 64}: {parallel?: number; lengthMax?: number} = {},
  ): Promise<void> {
    const sectors = Math.floor(this.bytes.length / SECTOR_BYTES);
    const lane = Math.floor(sectors / parallel);
    for (let done = 0; done < count; done += parallel) {
      // Lanes meet at odd sectors, so neighbours share clusters.
      await Promise.all(
        Array.from({length: Math.min(parallel, count - done)}, (_, index) => {
          const end = index === parallel - 1 ? sectors : (index + 1) * lane;
          return this.#step(index * lane, end, lengthMax);
        }),
      );
    }
    this.operations += count;
  }

  /** Compares the whole disk. */
  async verify(): Promise<void> {
    const chunk = new Uint8Array(1 << 20);
    for (let at = 0; at < this.bytes.length; at += chunk.length) {
      const part = chunk.subarray(0, Math.min(chunk.length, this.bytes.length - at));
      await this.disk.readv([part], at);
      expectEqual(part, this.bytes.subarray(at, at + part.length), at);
    }
  }

  async #step(from: number, to: number, lengthMax: number): Promise<void> {
    const {random} = this;
    const first = from + random.below(to - from);
    const count = Math.min(1 + random.below(random.chance(80) ? Math.min(lengthMax, 16) : lengthMax), to - first);
    const offset = first * SECTOR_BYTES;
    const length = count * SECTOR_BYTES;
    const kind = random.below(100);
    if (kind < 45) {
      const data = new Uint8Array(length);
      for (let at = 0; at < length; at += SECTOR_BYTES) data.fill(1 + random.below(255), at, at + SECTOR_BYTES);
      this.bytes.set(data, offset);
      const cut = random.below(length);
      await this.disk.writev(random.chance(30) ? [data.subarray(0, cut), data.subarray(cut)] : [data], offset);
    } else if (kind < 75) {
      const buffer = new Uint8Array(length).fill(0xee);
      const cut = random.below(length);
      await this.disk.readv(random.chance(30) ? [buffer.subarray(0, cut), buffer.subarray(cut)] : [buffer], offset);
      expectEqual(buffer, this.bytes.subarray(offset, offset + length), offset);
    } else if (kind < 85) {
      this.bytes.fill(0, offset, offset + length);
      await this.disk.writeZeroes(offset, length);
    } else if (kind < 97) {
      await this.disk.discard(offset, length);
      // Discarded bytes may be old or zeros: whatever they are now, they have to stay.
      const now = new Uint8Array(length);
      await this.disk.readv([now], offset);
      for (let at = 0; at < length; at++) {
        if (now[at] !== 0 && now[at] !== this.bytes[offset + at])
          expectEqual(now, this.bytes.subarray(offset, offset + length), offset);
      }
      this.bytes.set(now, offset);
    } else await this.disk.flush();
  }
}

/** Compares fast, and names the first byte that differs. */
export function expectEqual(actual: Uint8Array, expected: Uint8Array, offset: number): void {
  if (Buffer.compare(actual, expected) === 0) return;
  const at = actual.findIndex((byte, index) => byte !== expected[index]);
  expect.fail(`byte ${offset + at} of the disk is ${actual[at]}, not ${expected[at]}`);
}
