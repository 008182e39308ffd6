/**
 * A virtio entropy source: fills whatever the guest offers from the host's random generator.
 * Source: virtio 1.2 §5.4
 */
import {randomFillSync} from 'node:crypto';
import type {ActiveDriver, VirtioDevice, VirtioDeviceDescription, VirtioDeviceKind} from '../device.js';

/** The most bytes one request gets; Linux asks for 64. A longer buffer is filled up to here, which the spec allows. */
export const REQUEST_BYTES_MAX = 64 << 10;
/** Requests answered in one turn. With the bound above: at most 1 MiB of entropy before other devices have theirs. */
export const REQUESTS_PER_TURN = 16;

/** What an entropy source did so far, for metrics. */
export interface RngCounters {
  bytes: number;
}

/** The entropy device. */
export class RngDevice implements VirtioDevice {
  readonly description: VirtioDeviceDescription = {
    name: 'rng',
    deviceId: 4,
    features: [],
    queueSizes: [8],
    config: new Uint8Array(0),
  };
  readonly counters: RngCounters = {bytes: 0};
  #driver: ActiveDriver | undefined;

  attach(): void {}

  activate(driver: ActiveDriver): void {
    this.#driver = driver;
  }

  notified(queueIndex: number): void {
    const queue = this.#driver?.queues[queueIndex];
    if (queue === undefined) return;
    for (let taken = 0; ; taken++) {
      if (taken === REQUESTS_PER_TURN) {
        this.#driver?.notifyLater(queueIndex);
        break;
      }
      const chain = queue.pop();
      if (chain === undefined) break;
      for (const view of chain.writer.take(REQUEST_BYTES_MAX)) {
        randomFillSync(view);
        chain.writer.commit(view);
        this.counters.bytes += view.length;
      }
      queue.push(chain);
    }
    queue.publish();
  }

  reset(): undefined {
    this.#driver = undefined;
    return undefined;
  }

  drain(): undefined {
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.reset();
  }
}

/** The entropy source's row in the registry. */
export const rng: VirtioDeviceKind<Record<string, never>, RngDevice> = {
  name: 'rng',
  deviceId: 4,
  create: () => new RngDevice(),
};
