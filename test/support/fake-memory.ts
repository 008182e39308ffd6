import type {GuestMemory} from '../../src/engine/contract.js';

/** A range a device reported as written. */
export interface WrittenRange {
  readonly address: number;
  readonly length: number;
}

/** Guest RAM without a machine: the same contract over a plain shared buffer, and a list of what was marked as written. */
export class FakeMemory implements GuestMemory {
  readonly baseAddress: number;
  readonly sizeBytes: number;
  readonly view: DataView<SharedArrayBuffer>;
  readonly u16: Uint16Array<SharedArrayBuffer>;
  readonly all: Uint8Array<SharedArrayBuffer>;
  readonly written: WrittenRange[] = [];

  /** `guardBytes` of 0xa5 lie on both sides of RAM in the same buffer, as the rest of a machine does. */
  constructor(sizeBytes = 1 << 20, baseAddress = 0x8000_0000, guardBytes = 4096) {
    const buffer = new SharedArrayBuffer(sizeBytes + 2 * guardBytes);
    this.baseAddress = baseAddress;
    this.sizeBytes = sizeBytes;
    new Uint8Array(buffer).fill(0xa5);
    this.view = new DataView(buffer, guardBytes, sizeBytes);
    this.u16 = new Uint16Array(buffer, guardBytes, sizeBytes / 2);
    this.all = new Uint8Array(buffer, guardBytes, sizeBytes).fill(0);
  }

  contains(address: number, length: number): boolean {
    const offset = address - this.baseAddress;
    return offset >= 0 && offset < this.sizeBytes && length >= 0 && offset + length <= this.sizeBytes;
  }

  bytes(address: number, length: number): Uint8Array<SharedArrayBuffer> | undefined {
    if (!this.contains(address, length)) return undefined;
    return this.all.subarray(address - this.baseAddress, address - this.baseAddress + length);
  }

  prepareWrite(): void {}

  discard(address: number, length: number): void {
    this.bytes(address, length)?.fill(0);
  }

  markWritten(address: number, length: number): void {
    this.written.push({address, length});
  }

  /** Every byte of the buffer that is not RAM is as it was. */
  get isGuardIntact(): boolean {
    const {byteOffset, byteLength, buffer} = this.view;
    const whole = new Uint8Array(buffer);
    return (
      whole.subarray(0, byteOffset).every((byte) => byte === 0xa5) &&
      whole.subarray(byteOffset + byteLength).every((byte) => byte === 0xa5)
    );
  }
}
