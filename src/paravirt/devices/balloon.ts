/**
 * A virtio balloon that tells how the guest uses its memory, and what of it holds nothing: freed pages are made zeros, so
 * that no saved state has to hold them. It never asks for pages: the process could not give them to the host (see
 * ARCHITECTURE.md), so what the guest would go without, nobody would have.
 *
 *   queue 0  inflate     page numbers; taken as said
 *   queue 1  deflate     page numbers; taken as said
 *   queue 2  statistics  the guest's newest, kept until we want newer ones: giving it back asks for them
 *   queue 3  reporting   free pages as buffers; they stay the guest's, which waits for the answer before it uses them
 *
 * Source: virtio 1.2 §5.5. Queues of features that are not there have no number, in Linux as in QEMU.
 */
import type {GuestMemory} from '../../engine/contract.js';
import type {ActiveDriver, DeviceHost, VirtioDevice, VirtioDeviceDescription, VirtioDeviceKind} from '../device.js';
import {type GuestBytes, guestAddress} from '../virtqueue/buffers.js';
import type {DescriptorChain} from '../virtqueue/chain.js';
import type {SplitQueue} from '../virtqueue/split-queue.js';
import {type GuestStatistics, readStatistics, STATISTICS_BYTES_MAX} from './balloon/statistics.js';

const FEATURE = {STATS_VQ: 1, DEFLATE_ON_OOM: 2, REPORTING: 5} as const;
const QUEUE = {STATISTICS: 2, REPORTING: 3} as const;
/** num_pages, actual, free_page_hint_cmd_id, poison_val. */
const CONFIG_BYTES = 16;
/** Free memory looked at in one turn: some five milliseconds where all of it was written. */
export const BYTES_PER_TURN = 16 << 20;
/** Chains of the other queues in one turn. */
export const CHAINS_PER_TURN = 64;
/** How old statistics may get while somebody looks: each update wakes the guest. Units: milliseconds */
export const STATISTICS_AGE_MS = 10_000;

/** A report of free pages that is being worked on. */
interface Report {
  readonly queue: SplitQueue;
  readonly chain: DescriptorChain;
  readonly pieces: readonly GuestBytes[];
  piece: number;
  offset: number;
}

/** The balloon device. */
export class BalloonDevice implements VirtioDevice {
  readonly description: VirtioDeviceDescription = {
    name: 'balloon',
    deviceId: 5,
    features: [FEATURE.STATS_VQ, FEATURE.DEFLATE_ON_OOM, FEATURE.REPORTING],
    queueSizes: [32, 32, 8, 32],
    config: new Uint8Array(CONFIG_BYTES),
  };
  readonly #nowMs: () => number;
  #memory: GuestMemory | undefined;
  #driver: ActiveDriver | undefined;
  #kept: {readonly queue: SplitQueue; readonly chain: DescriptorChain} | undefined;
  #report: Report | undefined;
  #statistics: GuestStatistics | undefined;
  #statisticsAtMs = 0;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** The guest's newest, and asks for newer ones where they are old. Undefined before the first, and without a driver. */
  look(): GuestStatistics | undefined {
    if (this.#nowMs() - this.#statisticsAtMs >= STATISTICS_AGE_MS) this.#askAgain();
    return this.#statistics;
  }

  attach(host: DeviceHost): void {
    this.#memory = host.memory;
  }

  activate(driver: ActiveDriver): void {
    this.#driver = driver;
  }

  notified(queueIndex: number): void {
    const driver = this.#driver;
    const queue = driver?.queues[queueIndex];
    if (driver === undefined || queue === undefined) return;
    if (queueIndex === QUEUE.STATISTICS) this.#takeStatistics(queue);
    else if (queueIndex === QUEUE.REPORTING) {
      if (!this.#takeReports(queue, BYTES_PER_TURN)) driver.notifyLater(queueIndex);
    } else if (!answerAll(queue)) driver.notifyLater(queueIndex);
  }

  reset(): undefined {
    this.#driver = undefined;
    this.#kept = undefined;
    this.#report = undefined;
    this.#statistics = undefined;
    return undefined;
  }

  drain(): undefined {
    if (this.#report !== undefined) this.#work(this.#report, Number.POSITIVE_INFINITY);
    // What is kept would be nobody's after a restore: the guest sends another when it goes on.
    this.#askAgain();
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.reset();
  }

  #takeStatistics(queue: SplitQueue): void {
    // The driver has one buffer; a second is one that no driver of ours sends, and is given back as it is.
    for (let taken = 0; taken < CHAINS_PER_TURN; taken++) {
      const chain = queue.pop();
      if (chain === undefined) break;
      this.#askAgain();
      this.#statistics = readStatistics(chain.reader.copy(STATISTICS_BYTES_MAX));
      this.#statisticsAtMs = this.#nowMs();
      this.#kept = {queue, chain};
    }
  }

  #askAgain(): void {
    const kept = this.#kept;
    this.#kept = undefined;
    kept?.queue.complete(kept.chain);
  }

  /** False when there is more to do than one turn may take. */
  #takeReports(queue: SplitQueue, budgetBytes: number): boolean {
    let left = budgetBytes;
    while (left > 0) {
      if (this.#report === undefined) {
        const chain = queue.pop();
        if (chain === undefined) return true;
        const pieces = chain.writer.take(chain.writer.totalBytes);
        this.#report = {queue, chain, pieces, piece: 0, offset: 0};
      }
      left -= this.#work(this.#report, left);
    }
    return false;
  }

  /** Goes on with a report; how much of it was done, at least one byte so that empty ones cost something too. */
  #work(report: Report, budgetBytes: number): number {
    let left = budgetBytes;
    for (; report.piece < report.pieces.length; report.piece++, report.offset = 0) {
      if (left <= 0) return budgetBytes;
      const piece = report.pieces[report.piece]!;
      const length = Math.min(left, piece.length - report.offset);
      const address = guestAddress(this.#memory!, piece) + report.offset;
      this.#memory!.discard(address, length);
      left -= length;
      report.offset += length;
      if (report.offset < piece.length) return budgetBytes;
    }
    this.#report = undefined;
    report.queue.complete(report.chain);
    return Math.max(1, budgetBytes - left);
  }
}

function answerAll(queue: SplitQueue): boolean {
  for (let taken = 0; taken < CHAINS_PER_TURN; taken++) {
    const chain = queue.pop();
    if (chain === undefined) {
      queue.publish();
      return true;
    }
    queue.push(chain);
  }
  queue.publish();
  return false;
}

/** The balloon's row in the registry. */
export const balloon: VirtioDeviceKind<Record<string, never>, BalloonDevice> = {
  name: 'balloon',
  deviceId: 5,
  create: () => new BalloonDevice(),
};
