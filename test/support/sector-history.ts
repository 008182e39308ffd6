import {SECTOR_BYTES} from '../../src/paravirt/block/contract.js';
import type {Clock} from './recording-file.js';

/** What was written where and when, so that what a disk shows after a power cut can be judged. */
export class SectorHistory {
  readonly #clock: Clock;
  readonly #versions: {readonly value: number; readonly begun: number; ended: number}[][];
  readonly #flushes: {readonly begun: number; readonly ended: number}[] = [];

  constructor(clock: Clock, sectors: number, initial: (sector: number) => number) {
    this.#clock = clock;
    this.#versions = Array.from({length: sectors}, (_, sector) => [{value: initial(sector), begun: -1, ended: -1}]);
  }

  /** Records a request that gives each of these sectors a value while it runs. */
  async change(first: number, values: readonly number[], perform: () => Promise<void>): Promise<void> {
    const begun = this.#clock.tick();
    const versions = values.map((value, index) => {
      const version = {value, begun, ended: Number.POSITIVE_INFINITY};
      this.#versions[first + index]!.push(version);
      return version;
    });
    await perform();
    const ended = this.#clock.tick();
    for (const version of versions) version.ended = ended;
  }

  async flush(perform: () => Promise<void>): Promise<void> {
    const begun = this.#clock.tick();
    await perform();
    this.#flushes.push({begun, ended: this.#clock.tick()});
  }

  /** The newest value of a sector. */
  latest(sector: number): number {
    return this.#versions[sector]!.at(-1)!.value;
  }

  /** What is wrong with a disk after a power cut at a moment; undefined when nothing is. */
  judge(disk: Uint8Array, moment: number): string | undefined {
    const flushed = Math.max(-1, ...this.#flushes.filter(({ended}) => ended <= moment).map(({begun}) => begun));
    const view = new DataView(disk.buffer, disk.byteOffset, disk.length);
    for (const [sector, versions] of this.#versions.entries()) {
      const shown = view.getUint32(sector * SECTOR_BYTES);
      let oldest = versions.length - 1;
      while (oldest > 0 && versions[oldest]!.ended >= flushed) oldest--;
      const allowed = versions.slice(oldest).filter(({begun}, index) => index === 0 || begun < moment);
      if (!allowed.some(({value}) => value === shown))
        return `sector ${sector} shows ${shown}, not one of ${allowed.map(({value}) => value).join(', ')}`;
      if (view.getUint32(sector * SECTOR_BYTES + SECTOR_BYTES - 4) !== shown) return `sector ${sector} is torn`;
    }
    return undefined;
  }
}
