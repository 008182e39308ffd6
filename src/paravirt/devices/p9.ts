/**
 * A virtio 9P transport: a folder of the host that the guest mounts by its tag. Each chain is one request with room for
 * its reply; requests that wait for the host run side by side.
 *
 * Invariants: at most `IN_FLIGHT_MAX` requests wait for the host; chains beyond that stay on the avail ring.
 *
 * Source: virtio 1.2 §5.15 lists the device; the configuration space is {tag length u16, tag}, as in Linux
 *         include/uapi/linux/virtio_9p.h
 */
import type {ActiveDriver, VirtioDevice, VirtioDeviceDescription, VirtioDeviceKind} from '../device.js';
import {ParavirtError} from '../error.js';
import {type Deputy, LocalDeputy} from '../share/deputy.js';
import {HostFolder} from '../share/host-folder.js';
import {ShareServer} from '../share/server.js';
import type {DescriptorChain} from '../virtqueue/chain.js';
import type {SplitQueue} from '../virtqueue/split-queue.js';

/** Linux fills at most 128 descriptors for one request. */
const QUEUE_SIZE = 128;
const FEATURE_MOUNT_TAG = 0;
/** Requests that wait for the host at once. */
export const IN_FLIGHT_MAX = 64;
/** Requests answered before other devices have their turn: some two milliseconds. */
export const REQUESTS_PER_TURN = 64;
/** What a tag may be: Linux takes any, but shells and mount points have to as well. */
export const TAG_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,30}$/;

/** What a share is made of. */
export interface P9Options {
  readonly path: string;
  readonly tag: string;
  readonly isReadOnly: boolean;
  /** Does what this process may not; without one it does all by itself. */
  readonly deputy?: Deputy | undefined;
}

/** What a share did so far, for metrics. */
export interface P9Counters {
  requests: number;
}

/** The shared folder's device. */
export class P9Device implements VirtioDevice {
  readonly description: VirtioDeviceDescription;
  readonly counters: P9Counters = {requests: 0};
  readonly #server: ShareServer;
  readonly #waiting = new Set<Promise<void>>();
  #driver: ActiveDriver | undefined;

  /** Errors: not-found, no-permission, not-a-file, bad-option */
  constructor({path, tag, isReadOnly, deputy}: P9Options) {
    if (!TAG_PATTERN.test(tag))
      throw new ParavirtError(
        'bad-option',
        `${JSON.stringify(tag)} is no tag of a share.`,
        'Use letters, digits, . _ -',
      );
    const folder = HostFolder.open(path, isReadOnly);
    this.#server = new ShareServer(folder, deputy ?? new LocalDeputy(folder));
    const name = new TextEncoder().encode(tag);
    this.description = {
      name: 'p9',
      deviceId: 9,
      features: [FEATURE_MOUNT_TAG],
      queueSizes: [QUEUE_SIZE],
      config: Uint8Array.of(name.length, 0, ...name),
    };
  }

  /** Handles that the guest has. */
  get fidCount(): number {
    return this.#server.fidCount;
  }

  attach(): void {}

  activate(driver: ActiveDriver): void {
    this.#driver = driver;
  }

  notified(queueIndex: number): boolean {
    const driver = this.#driver;
    const queue = driver?.queues[queueIndex];
    if (driver === undefined || queue === undefined) return false;
    for (let taken = 0; this.#waiting.size < IN_FLIGHT_MAX; taken++) {
      if (taken === REQUESTS_PER_TURN) {
        driver.notifyLater(queueIndex);
        break;
      }
      const chain = queue.pop();
      if (chain === undefined) break;
      this.counters.requests++;
      const answered = this.#server.answer(chain);
      if (answered === false) {
        driver.fail(queueIndex, 'request-malformed');
        return false;
      }
      if (answered === true) queue.push(chain);
      else this.#wait(answered, queue, chain);
    }
    queue.publish();
    return this.#waiting.size === 0;
  }

  reset(): Promise<void> | undefined {
    this.#driver = undefined;
    const pending = this.drain();
    if (pending !== undefined) return pending.then(() => this.#server.reset());
    this.#server.reset();
    return undefined;
  }

  drain(): Promise<void> | undefined {
    if (this.#waiting.size === 0) return undefined;
    return Promise.all(this.#waiting).then(() => {});
  }

  save(): string {
    return JSON.stringify(this.#server.save());
  }

  restore(saved: string): void {
    this.#server.restore(saved);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reset();
  }

  #wait(answered: Promise<boolean>, queue: SplitQueue, chain: DescriptorChain): void {
    const done = answered.then(() => {
      this.#waiting.delete(done);
      queue.complete(chain);
      // Chains that stayed on the avail ring while too many were waiting.
      if (!queue.isBroken) this.notified(0);
    });
    this.#waiting.add(done);
  }
}

/** The shared folder's row in the registry. */
export const p9: VirtioDeviceKind<P9Options, P9Device> = {
  name: 'p9',
  deviceId: 9,
  create: (options) => new P9Device(options),
};
