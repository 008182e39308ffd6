/** A disk of a machine of ours: the device that its guest sees, and the images it is made of, which can change below it. */
import {openBelow, openChain, openOverlay} from '../../../paravirt/block/chain.js';
import {DelegatedFile, type FileSyncer} from '../../../paravirt/block/delegated-file.js';
import {HostFile} from '../../../paravirt/block/host-file.js';
import {LiveDisk} from '../../../paravirt/block/live-disk.js';
import {BlkDevice} from '../../../paravirt/devices/blk.js';
import {type DiskPlan, OVERLAY_FORMAT} from '../contract.js';

/** What a machine's devices need of the process around them. */
export interface DiskEnvironment {
  /** Makes writes durable where this process may not. */
  readonly syncer?: FileSyncer | undefined;
  /** The host failed a request that the guest waits for. `reason` is one sentence and the next step. */
  readonly onDiskFailed?: (reason: string) => void;
}

/** See the module. Disposing the device closes the images. */
export class MachineDisk {
  readonly device: BlkDevice;
  readonly #live: LiveDisk;
  readonly #syncer: FileSyncer | undefined;
  #plan: DiskPlan;

  private constructor(plan: DiskPlan, live: LiveDisk, {syncer, onDiskFailed}: DiskEnvironment) {
    this.#plan = plan;
    this.#live = live;
    this.#syncer = syncer;
    this.device = new BlkDevice({
      backend: live,
      onHostFailure: ({operation, error, isParked}) => {
        const {path} = this.#plan.images[0]!;
        console.error(`disk ${path}: ${operation} failed: ${error.message}`);
        if (isParked) onDiskFailed?.(`Paused, its disk ${path} failed: ${error.message} ${error.hint}`);
      },
    });
  }

  /** Errors: bad-disk and those of the formats */
  static async open(plan: DiskPlan, environment: DiskEnvironment): Promise<MachineDisk> {
    const {images, isReadOnly} = plan;
    const chain = await openChain(images, isReadOnly, opener(environment.syncer));
    return new MachineDisk(plan, new LiveDisk(chain), environment);
  }

  /** The images it is made of now. */
  get plan(): DiskPlan {
    return this.#plan;
  }

  /** Makes durable what was written so far. */
  flush(): Promise<void> {
    return this.#live.flush();
  }

  /** Goes on over an empty image that stands on the present top. No request is under way. */
  async addOverlay(path: string): Promise<void> {
    const image = {path, format: OVERLAY_FORMAT};
    await this.#live.addOverlay((below) => openOverlay(image, below, opener(this.#syncer)));
    this.#plan = {...this.#plan, images: [image, ...this.#plan.images]};
  }

  /** Stands on other images that show the same as the present ones below its top. No request is under way. */
  async exchangeBelow(images: DiskPlan['images']): Promise<void> {
    const [top] = this.#plan.images;
    await this.#live.exchangeBelow(() => openBelow(images));
    this.#plan = {...this.#plan, images: [top!, ...images]};
  }
}

function opener(syncer: FileSyncer | undefined) {
  return (path: string, mustNotWrite: boolean) =>
    mustNotWrite || syncer === undefined ? HostFile.open(path, mustNotWrite) : DelegatedFile.open(path, syncer);
}
