/**
 * The disk of a running machine, whose images can be exchanged below it: a snapshot puts an overlay on top. The device
 * above sees one disk all the time.
 *
 * Exchanges are made while no request is under way: the owner pauses the machine and drains its devices first.
 */
import type {BlockBackend, RangeStatus} from './contract.js';
import type {Pending} from './image-file.js';

/** See the module. */
export class LiveDisk implements BlockBackend {
  #top: BlockBackend;

  constructor(top: BlockBackend) {
    this.#top = top;
  }

  /** What is on top now. */
  get top(): BlockBackend {
    return this.#top;
  }

  get sizeBytes(): number {
    return this.#top.sizeBytes;
  }

  get isReadOnly(): boolean {
    return this.#top.isReadOnly;
  }

  get canDiscard(): boolean {
    return this.#top.canDiscard;
  }

  /**
   * Puts an image on top of the present one, which is flushed and put in order before and never written after.
   * `open` gets the present top as the new image's backing; when it fails the disk is as it was.
   */
  async addOverlay(open: (backing: BlockBackend) => Promise<BlockBackend>): Promise<void> {
    await this.#top.settle();
    const below = new Below(this.#top);
    this.#top = await open(below);
    below.isOwned = true;
  }

  /**
   * Puts other images below the top one, that show the same. What was there is closed; when `open` fails the disk is as it
   * was.
   */
  async exchangeBelow(open: () => Promise<BlockBackend>): Promise<void> {
    if (this.#top.exchangeBacking === undefined) throw new Error('this disk stands on nothing');
    const below = new Below(await open());
    below.isOwned = true;
    const before = this.#top.exchangeBacking(below);
    await before?.[Symbol.asyncDispose]();
  }

  readv(buffers: readonly Uint8Array[], offset: number): Pending {
    return this.#top.readv(buffers, offset);
  }

  writev(buffers: readonly Uint8Array[], offset: number): Pending {
    return this.#top.writev(buffers, offset);
  }

  flush(): Promise<void> {
    return this.#top.flush();
  }

  discard(offset: number, length: number): Promise<void> {
    return this.#top.discard(offset, length);
  }

  writeZeroes(offset: number, length: number): Promise<void> {
    return this.#top.writeZeroes(offset, length);
  }

  status(offset: number, length: number): Promise<RangeStatus> {
    return this.#top.status(offset, length);
  }

  resize(sizeBytes: number): Promise<void> {
    return this.#top.resize(sizeBytes);
  }

  settle(): Promise<void> {
    return this.#top.settle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#top[Symbol.asyncDispose]();
  }
}

/** An image that has become a backing image. An overlay that could not be opened must not close it. */
class Below implements BlockBackend {
  readonly isReadOnly = true;
  readonly canDiscard = false;
  isOwned = false;
  readonly #image: BlockBackend;

  constructor(image: BlockBackend) {
    this.#image = image;
  }

  get sizeBytes(): number {
    return this.#image.sizeBytes;
  }

  readv(buffers: readonly Uint8Array[], offset: number): Pending {
    return this.#image.readv(buffers, offset);
  }

  status(offset: number, length: number): Promise<RangeStatus> {
    return this.#image.status(offset, length);
  }

  writev(): Promise<void> {
    return refused();
  }

  async flush(): Promise<void> {}

  async settle(): Promise<void> {}

  discard(): Promise<void> {
    return refused();
  }

  writeZeroes(): Promise<void> {
    return refused();
  }

  resize(): Promise<void> {
    return refused();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isOwned) await this.#image[Symbol.asyncDispose]();
  }
}

function refused(): Promise<void> {
  return Promise.reject(new Error('a backing image is only read'));
}
