import {type BlockBackend, type RangeStatus, SECTOR_BYTES} from '../../src/paravirt/block/contract.js';

/** A disk in memory that can be told to fail or to wait, and remembers the order of what it was asked. */
export class FakeDisk implements BlockBackend {
  readonly bytes: Uint8Array;
  readonly isReadOnly: boolean;
  readonly canDiscard: boolean;
  readonly log: string[] = [];
  isClosed = false;
  /** Rejects the next operations with this. */
  failure: Error | undefined;
  /** While set, operations wait for it. */
  gate: Promise<void> | undefined;

  constructor({sectors = 64, isReadOnly = false, canDiscard = true} = {}) {
    this.bytes = new Uint8Array(sectors * SECTOR_BYTES);
    this.isReadOnly = isReadOnly;
    this.canDiscard = canDiscard;
  }

  get sizeBytes(): number {
    return this.bytes.length;
  }

  async readv(buffers: readonly Uint8Array[], offset: number): Promise<void> {
    await this.#begin(`read ${offset}`);
    let at = offset;
    for (const buffer of buffers) {
      buffer.set(this.bytes.subarray(at, at + buffer.length));
      at += buffer.length;
    }
  }

  async writev(buffers: readonly Uint8Array[], offset: number): Promise<void> {
    await this.#begin(`write ${offset}`);
    let at = offset;
    for (const buffer of buffers) {
      this.bytes.set(buffer, at);
      at += buffer.length;
    }
  }

  async flush(): Promise<void> {
    await this.#begin('flush');
  }

  async discard(offset: number, length: number): Promise<void> {
    await this.#begin(`discard ${offset} ${length}`);
  }

  async writeZeroes(offset: number, length: number): Promise<void> {
    await this.#begin(`zero ${offset} ${length}`);
    this.bytes.fill(0, offset, offset + length);
  }

  async status(_offset: number, length: number): Promise<RangeStatus> {
    return {kind: 'data', length, depth: 0};
  }

  async settle(): Promise<void> {}

  async resize(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {
    this.isClosed = true;
  }

  async #begin(what: string): Promise<void> {
    this.log.push(what);
    await this.gate;
    if (this.failure !== undefined) throw this.failure;
  }
}
