import {SECTOR_BYTES} from '../../src/paravirt/block/contract.js';
import {MemoryFile} from './memory-file.js';
import type {SeededRandom} from './seeded-random.js';

/** Counts moments: every begin and end of a write, a sync or a request of the guest is one. */
export class Clock {
  now = 0;

  tick(): number {
    return this.now++;
  }
}

type Change =
  | {readonly kind: 'write'; readonly position: number; readonly bytes: Uint8Array}
  | {readonly kind: 'resize'; readonly sizeBytes: number};
type Entry = {readonly change: Change; readonly begun: number; ended: number};

/** A file that remembers every write and sync, and builds what a power cut may leave of it. */
export class RecordingFile extends MemoryFile {
  readonly #clock: Clock;
  readonly #start: Uint8Array;
  readonly #entries: Entry[] = [];
  readonly #syncs: {readonly begun: number; readonly ended: number}[] = [];
  /** Syncs for which this answers false are forgotten: as if the program had none there. */
  keepsSync: () => boolean = () => true;

  constructor(clock: Clock, content: Uint8Array) {
    super(content);
    this.#clock = clock;
    this.#start = content.slice();
  }

  override async writev(buffers: readonly Uint8Array[], position: number): Promise<void> {
    const bytes = Buffer.concat(buffers);
    await this.#record({kind: 'write', position, bytes}, () => super.writev(buffers, position));
  }

  override async resize(sizeBytes: number): Promise<void> {
    await this.#record({kind: 'resize', sizeBytes}, () => super.resize(sizeBytes));
  }

  override async sync(): Promise<void> {
    const keeps = this.keepsSync();
    const begun = this.#clock.tick();
    await super.sync();
    if (keeps) this.#syncs.push({begun, ended: this.#clock.tick()});
  }

  /**
   * The file after a power cut at a moment: all that a sync had covered by then, and of everything else that had begun
   * any part, down to single sectors.
   */
  contentAfterCut(moment: number, random: SeededRandom): Uint8Array {
    const covered = Math.max(-1, ...this.#syncs.filter(({ended}) => ended <= moment).map(({begun}) => begun));
    const state = new GrowingBytes(this.#start);
    const style = random.below(4);
    const begun = this.#entries.filter((entry) => entry.begun < moment).sort((a, b) => a.ended - b.ended);
    const loose = begun.filter(({ended}) => ended >= covered).length;
    // A quarter of the states lose everything behind one point in time, the others any subset.
    const prefix = random.below(loose + 1);
    let index = 0;
    for (const {change, ended} of begun) {
      if (ended < covered) state.apply(change);
      else if (style === 0 ? index < prefix : random.chance(style * 25)) {
        if (change.kind === 'write' && random.chance(30)) state.applyTorn(change.position, change.bytes, random);
        else state.apply(change);
      }
      if (ended >= covered) index++;
    }
    return state.bytes;
  }

  async #record(change: Change, perform: () => Promise<void>): Promise<void> {
    const entry: Entry = {change, begun: this.#clock.tick(), ended: Number.POSITIVE_INFINITY};
    this.#entries.push(entry);
    await perform();
    entry.ended = this.#clock.tick();
  }
}

class GrowingBytes {
  #bytes: Uint8Array;
  #size: number;

  constructor(start: Uint8Array) {
    this.#bytes = start.slice();
    this.#size = start.length;
  }

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#size);
  }

  apply(change: Change): void {
    if (change.kind === 'write') this.#write(change.position, change.bytes);
    else {
      this.#reserve(change.sizeBytes);
      if (change.sizeBytes < this.#size) this.#bytes.fill(0, change.sizeBytes, this.#size);
      this.#size = change.sizeBytes;
    }
  }

  /** Some sectors of the file get their new bytes, others do not. */
  applyTorn(position: number, bytes: Uint8Array, random: SeededRandom): void {
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + SECTOR_BYTES - ((position + at) % SECTOR_BYTES));
      if (random.chance(50)) this.#write(position + at, bytes.subarray(at, end));
      at = end;
    }
  }

  #write(position: number, bytes: Uint8Array): void {
    this.#reserve(position + bytes.length);
    this.#bytes.set(bytes, position);
    this.#size = Math.max(this.#size, position + bytes.length);
  }

  #reserve(length: number): void {
    if (length <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(length, this.#bytes.length * 2));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}
