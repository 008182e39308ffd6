/** Which device answers at a guest-physical address outside RAM, and the lock around each access. */
import type {AccessBytes, MmioRegion} from '../contract.js';
import {DEVICE_LOCKS} from './header.js';

/** A device on the bus. `index` is its place in the machine's device list, which also names its lock. */
export interface BusDevice {
  readonly index: number;
  readonly address: number;
  readonly sizeBytes: number;
  readonly region: MmioRegion;
}

/** The devices of one thread. Accesses allocate nothing. */
export class Bus {
  readonly #devices: readonly BusDevice[];
  readonly #i32: Int32Array<SharedArrayBuffer>;
  #last: BusDevice | undefined;

  constructor(devices: readonly BusDevice[], i32: Int32Array<SharedArrayBuffer>) {
    this.#devices = devices;
    this.#i32 = i32;
  }

  /** The device whose window holds all of [address, address + size), or undefined. */
  find(address: number, size: number): BusDevice | undefined {
    const last = this.#last;
    if (last && address >= last.address && address + size <= last.address + last.sizeBytes) return last;
    for (let i = 0; i < this.#devices.length; i++) {
      const device = this.#devices[i]!;
      if (address >= device.address && address + size <= device.address + device.sizeBytes) {
        this.#last = device;
        return device;
      }
    }
    return undefined;
  }

  read(device: BusDevice, address: number, size: AccessBytes): number {
    this.#lock(device.index);
    try {
      return device.region.read(address - device.address, size) >>> 0;
    } finally {
      this.#unlock(device.index);
    }
  }

  write(device: BusDevice, address: number, size: AccessBytes, value: number): void {
    this.#lock(device.index);
    try {
      device.region.write(address - device.address, size, value >>> 0);
    } finally {
      this.#unlock(device.index);
    }
  }

  /** Register accesses last well under a microsecond, so a hart spins rather than sleeps. */
  #lock(index: number): void {
    const cell = (DEVICE_LOCKS >> 2) + index;
    while (Atomics.compareExchange(this.#i32, cell, 0, 1) !== 0);
  }

  #unlock(index: number): void {
    Atomics.store(this.#i32, (DEVICE_LOCKS >> 2) + index, 0);
  }
}
