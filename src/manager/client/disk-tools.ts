/** Disk images as files: what `viv disk` does, in the calling process. */
import type {DiskFormat} from '../protocol/machine.js';

/** An image that somebody names. Without a format its name decides, and content that contradicts it is refused. */
export interface NamedImage {
  readonly path: string;
  readonly format?: DiskFormat | undefined;
}

/** How to make an image. Units: bytes */
export interface NewImage {
  readonly path: string;
  readonly format?: DiskFormat | undefined;
  /** That of the backing image when left out. */
  readonly sizeBytes?: number | undefined;
  readonly backing?: NamedImage | undefined;
  readonly clusterBytes?: number | undefined;
  readonly refcountBits?: number | undefined;
  readonly version?: number | undefined;
  readonly compression?: 'zlib' | 'zstd' | undefined;
}

/** What is known of one image of a chain. Units: bytes */
export interface DiskInfo {
  readonly path: string;
  readonly format: DiskFormat;
  readonly sizeBytes: number;
  readonly fileBytes: number;
  /** Room that the file takes on the host. */
  readonly usedBytes: number;
  readonly details: Readonly<Record<string, string | number | boolean>>;
}

/** What a check found. */
export interface DiskCheck {
  readonly path: string;
  readonly errorCount: number;
  readonly leakedClusters: number;
  readonly problems: readonly string[];
  readonly isRepaired: boolean;
}

/** A stretch of a disk, as `viv disk map` lists it. `depth` counts images from the top, 0. Units: bytes */
export interface DiskStretch {
  readonly start: number;
  readonly length: number;
  readonly kind: 'data' | 'zero';
  readonly depth: number;
  readonly position?: number | undefined;
  readonly isCompressed?: boolean | undefined;
}

/** How far long work is. Units: bytes of the disk */
export interface DiskProgress {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
}

/** For long work: an abort leaves everything as it was, or as far as a repeated call goes on from. */
export interface DiskWork {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: DiskProgress) => void;
}

/**
 * See the module. All are refused for images that something uses, as far as they would change them.
 * Errors: file-not-found, bad-disk, disk-in-use, disk-full, bad-request, cancelled
 */
export interface DiskTools {
  create(image: NewImage): Promise<DiskInfo>;
  /** The image and all it stands on. */
  info(image: NamedImage): Promise<readonly DiskInfo[]>;
  check(image: NamedImage, options: {readonly repairs: boolean} & DiskWork): Promise<DiskCheck>;
  /** Copies what the chain shows into one new image. */
  convert(source: NamedImage, target: NewImage & {readonly isCompressed?: boolean}, work: DiskWork): Promise<DiskInfo>;
  /** `shrinks` allows to cut the end off. */
  resize(image: NamedImage, sizeBytes: number, options: {readonly shrinks: boolean}): Promise<DiskInfo>;
  /** Writes what an overlay holds into the image below it, and empties the overlay. */
  commit(image: NamedImage, work: DiskWork): Promise<DiskInfo>;
  /** Puts an overlay on another image, or on none. `isUnsafe` changes the reference alone. */
  rebase(
    image: NamedImage,
    backing: NamedImage | undefined,
    options: {readonly isUnsafe: boolean} & DiskWork,
  ): Promise<DiskInfo>;
  map(image: NamedImage): Promise<readonly DiskStretch[]>;
}
