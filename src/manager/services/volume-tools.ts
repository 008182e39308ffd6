/** See `DiskTools`: images as files, in the calling process. Every image that is touched is locked like a machine's. */
import {open, rename, rm, stat} from 'node:fs/promises';
import {basename, dirname, join, relative, resolve} from 'node:path';
import {type ChainImage, findFormat, openChain, resolveChain} from '../../paravirt/block/chain.js';
import type {BlockBackend, BlockCreateOptions} from '../../paravirt/block/contract.js';
import {createImage} from '../../paravirt/block/create-image.js';
import {checkQcow2} from '../../paravirt/block/formats/qcow2/check.js';
import {readHeader, writeBackingReference} from '../../paravirt/block/formats/qcow2/header.js';
import {Qcow2Image} from '../../paravirt/block/formats/qcow2/image.js';
import {HostFile} from '../../paravirt/block/host-file.js';
import type {
  DiskCheck,
  DiskInfo,
  DiskStretch,
  DiskTools,
  DiskWork,
  NamedImage,
  NewImage,
} from '../client/disk-tools.js';
import {translateHostError} from '../hypervisor/builtin/host-errors.js';
import {ManagerError} from '../protocol/errors.js';
import {type DiskFormat, diskFormatSchema} from '../protocol/machine.js';
import type {ImageLocks} from '../store/image-locks.js';
import {copyCompressed, copyStretches, findData, foldImage} from './volume-copy.js';
import type {VolumeSettings} from './volumes.js';

const QCOW2_MAGIC = 'QFI\xfb';
const OWNER = 'viv disk';

/** See the module. */
export class VolumeTools implements DiskTools {
  readonly #settings: VolumeSettings;
  readonly #locks: ImageLocks;

  constructor(settings: VolumeSettings, locks: ImageLocks) {
    this.#settings = settings;
    this.#locks = locks;
  }

  async create(image: NewImage): Promise<DiskInfo> {
    return translated(async () => {
      const format = image.format ?? formatByName(image.path) ?? 'qcow2';
      const backing = image.backing === undefined ? undefined : await this.#backingReference(image.path, image.backing);
      const sizeBytes = image.sizeBytes ?? backing?.sizeBytes;
      if (sizeBytes === undefined)
        throw new ManagerError('bad-request', 'A new disk needs a size.', 'Give one, for example 10G.');
      await createImage(image.path, format, createOptions(image, sizeBytes, backing));
      return inspectImage({path: image.path, format});
    });
  }

  info(image: NamedImage): Promise<readonly DiskInfo[]> {
    return translated(async () => Promise.all((await this.#chain(image)).map(inspectImage)));
  }

  check(image: NamedImage, {repairs, signal}: {readonly repairs: boolean} & DiskWork): Promise<DiskCheck> {
    return translated(async () => {
      const {path, format} = await named(image);
      if (format !== 'qcow2')
        throw new ManagerError('bad-request', `${path} is raw: any content is right.`, 'Check qcow2 images.');
      using _lock = this.#locks.acquire([{path, isWriting: repairs}], OWNER);
      await using file = await HostFile.open(path, !repairs);
      const report = await checkQcow2(file, {repairs, ...(signal === undefined ? {} : {signal})});
      const {errorCount, leakedClusters, problems, isRepaired} = report;
      return {path, errorCount, leakedClusters, problems, isRepaired};
    });
  }

  convert(source: NamedImage, target: NewImage & {readonly isCompressed?: boolean}, work: DiskWork): Promise<DiskInfo> {
    return translated(async () => {
      const chain = await this.#chain(source);
      using _lock = this.#acquire(chain, false);
      await using from = await openChain(chain, true);
      const format = target.format ?? formatByName(target.path) ?? 'raw';
      await refuseExisting(target.path);
      // Under another name until it is complete: a cancelled copy leaves nothing that looks like a disk.
      const unfinished = join(dirname(resolve(target.path)), `.new-${basename(target.path)}-${process.pid}`);
      try {
        await createImage(unfinished, format, createOptions(target, from.sizeBytes, undefined));
        {
          await using to = await openChain([{path: unfinished, format}], false);
          if (target.isCompressed) {
            if (!(to instanceof Qcow2Image))
              throw new ManagerError('bad-request', 'Only qcow2 images can be compressed.', 'Add --format qcow2.');
            await copyCompressed(from, to, work);
          } else
            await copyStretches(
              from,
              to,
              findData(from, () => true),
              true,
              'copying',
              work,
            );
          await to.flush();
        }
        await refuseExisting(target.path);
        await rename(unfinished, target.path);
      } catch (thrown) {
        await rm(unfinished, {force: true});
        throw thrown;
      }
      return inspectImage({path: target.path, format});
    });
  }

  resize(image: NamedImage, sizeBytes: number, {shrinks}: {readonly shrinks: boolean}): Promise<DiskInfo> {
    return translated(async () => {
      const chain = await this.#chain(image);
      using _lock = this.#acquire(chain, true);
      await using disk = await openChain(chain, false);
      if (sizeBytes < disk.sizeBytes && !shrinks)
        throw new ManagerError(
          'bad-request',
          `${image.path} has ${disk.sizeBytes} bytes: with ${sizeBytes} its end would be lost.`,
          'Shrink the file system first, then add --shrink.',
        );
      await disk.resize(sizeBytes);
      await disk.settle();
      return inspectImage(chain[0]!);
    });
  }

  commit(image: NamedImage, work: DiskWork): Promise<DiskInfo> {
    return translated(async () => {
      const chain = await this.#chain(image);
      const [top, below] = chain;
      if (top === undefined || below === undefined)
        throw new ManagerError('bad-request', `${image.path} stands on no other image.`, 'Commit an overlay.');
      using _lock = this.#locks.acquire(
        chain.map(({path}, depth) => ({path, isWriting: depth < 2})),
        OWNER,
      );
      const options = await overlayOptions(top);
      await foldImage(chain, work);
      // Everything is below now and on disk: an empty overlay takes the old one's place in one step.
      const unfinished = join(dirname(top.path), `.new-${basename(top.path)}-${process.pid}`);
      try {
        await createImage(unfinished, 'qcow2', options);
        await rename(unfinished, top.path);
      } catch (thrown) {
        await rm(unfinished, {force: true});
        throw thrown;
      }
      return inspectImage(below);
    });
  }

  rebase(
    image: NamedImage,
    backing: NamedImage | undefined,
    {isUnsafe, ...work}: {readonly isUnsafe: boolean} & DiskWork,
  ): Promise<DiskInfo> {
    return translated(async () => {
      const {path, format} = await named(image);
      if (format !== 'qcow2')
        throw new ManagerError('bad-request', `${path} is raw and stands on nothing.`, 'Rebase qcow2 images.');
      const reference = backing === undefined ? undefined : await this.#backingReference(path, backing);
      if (isUnsafe) {
        using _lock = this.#locks.acquire([{path, isWriting: true}], OWNER);
        await replaceReference(path, reference);
      } else await this.#rebaseSafely(await this.#chain({path, format}), backing, reference, work);
      return inspectImage({path, format});
    });
  }

  map(image: NamedImage): Promise<readonly DiskStretch[]> {
    return translated(async () => {
      const chain = await this.#chain(image);
      using _lock = this.#acquire(chain, false);
      await using disk = await openChain(chain, true);
      const stretches: DiskStretch[] = [];
      for (let start = 0; start < disk.sizeBytes; ) {
        const {kind, length, depth, filePosition, isCompressed} = await disk.status(start, disk.sizeBytes - start);
        const last = stretches.at(-1);
        const isNext =
          last !== undefined &&
          last.kind === kind &&
          last.depth === depth &&
          last.isCompressed === isCompressed &&
          (filePosition === undefined
            ? last.position === undefined
            : last.position !== undefined && last.position + last.length === filePosition);
        if (isNext) stretches[stretches.length - 1] = {...last, length: last.length + length};
        else stretches.push({start, length, kind, depth, position: filePosition, isCompressed});
        start += length;
      }
      return stretches;
    });
  }

  /** Writes into the overlay wherever old and new backing differ, then changes the reference. */
  async #rebaseSafely(
    chain: readonly ChainImage[],
    backing: NamedImage | undefined,
    reference: {readonly path: string; readonly format: DiskFormat} | undefined,
    work: DiskWork,
  ): Promise<void> {
    const next = backing === undefined ? [] : await this.#chain(backing);
    const below = [...chain.slice(1), ...next].map(({path}) => ({path, isWriting: false}));
    using _lock = this.#locks.acquire([{path: chain[0]!.path, isWriting: true}, ...below], OWNER);
    {
      await using disk = await openChain(chain, false);
      await using other = next.length === 0 ? undefined : await openChain(next, true);
      await copyDifferences(disk, other, work);
      await disk.flush();
    }
    await replaceReference(chain[0]!.path, reference);
  }

  async #chain(image: NamedImage): Promise<readonly ChainImage[]> {
    const {path, format} = await named(image);
    return resolveChain(path, format, {allowedFolders: this.#settings.backingFolders});
  }

  #acquire(chain: readonly ChainImage[], isWriting: boolean) {
    return this.#locks.acquire(
      chain.map(({path}, depth) => ({path, isWriting: isWriting && depth === 0})),
      OWNER,
    );
  }

  /** How an overlay at `path` names an image: relative inside its folder, so that both can move together. */
  async #backingReference(path: string, backing: NamedImage) {
    const images = await this.#chain(backing);
    const {path: real, format} = images[0]!;
    const folder = dirname(resolve(path));
    const {sizeBytes} = await inspectImage({path: real, format});
    const isBeside = dirname(real) === folder || real.startsWith(`${folder}/`);
    return {path: isBeside ? relative(folder, real) : real, format: diskFormatSchema.parse(format), sizeBytes};
  }
}

async function copyDifferences(disk: BlockBackend, other: BlockBackend | undefined, work: DiskWork): Promise<void> {
  const old = new Uint8Array(65_536);
  const now = new Uint8Array(old.length);
  for (let start = 0; start < disk.sizeBytes; ) {
    if (work.signal?.aborted)
      throw new ManagerError('cancelled', 'The rebase was cancelled.', 'The disk is as it was; run it again.');
    const {depth, length} = await disk.status(start, Math.min(old.length, disk.sizeBytes - start));
    if (depth > 0) {
      const mine = old.subarray(0, length);
      await disk.readv([mine], start);
      const theirs = now.subarray(0, length).fill(0);
      const shared = Math.max(0, Math.min(length, (other?.sizeBytes ?? 0) - start));
      if (shared > 0) await other?.readv([theirs.subarray(0, shared)], start);
      if (Buffer.compare(mine, theirs) !== 0) await disk.writev([mine], start);
    }
    start += length;
    work.onProgress?.({stage: 'comparing', done: start, total: disk.sizeBytes});
  }
}

async function replaceReference(
  path: string,
  reference: {readonly path: string; readonly format: string} | undefined,
): Promise<void> {
  await using file = await HostFile.open(path, false);
  await writeBackingReference(file, await readHeader(file), reference);
}

/** Everything of an overlay but its content. */
async function overlayOptions({path}: ChainImage): Promise<BlockCreateOptions> {
  await using file = await HostFile.open(path, true);
  const header = await readHeader(file);
  if (header.snapshotCount > 0)
    throw new ManagerError(
      'bad-request',
      `${path} has internal snapshots.`,
      'Delete them with `qemu-img snapshot -d`.',
    );
  const {backingPath, backingFormat} = header;
  return {
    sizeBytes: header.sizeBytes,
    clusterBytes: 2 ** header.clusterBits,
    refcountBits: 2 ** header.refcountOrder,
    version: header.version,
    compression: header.compression,
    ...(backingPath === undefined || backingFormat === undefined
      ? {}
      : {backing: {path: backingPath, format: backingFormat}}),
  };
}

/** What an image's header and its file say. Errors: those of reading it */
export async function inspectImage({path, format}: ChainImage): Promise<DiskInfo> {
  await using file = await HostFile.open(path, true);
  const {sizeBytes, details, backing} = await findFormat(format).inspect(file);
  const {size, blocks} = await stat(path);
  return {
    path,
    format: diskFormatSchema.parse(format),
    sizeBytes,
    fileBytes: size,
    usedBytes: blocks * 512,
    details: {...details, ...(backing === undefined ? {} : {backing: backing.path})},
  };
}

function createOptions(
  {clusterBytes, refcountBits, version, compression}: NewImage,
  sizeBytes: number,
  backing: {readonly path: string; readonly format: string} | undefined,
): BlockCreateOptions {
  return {
    sizeBytes,
    ...(clusterBytes === undefined ? {} : {clusterBytes}),
    ...(refcountBits === undefined ? {} : {refcountBits}),
    ...(version === undefined ? {} : {version}),
    ...(compression === undefined ? {} : {compression}),
    ...(backing === undefined ? {} : {backing: {path: backing.path, format: backing.format}}),
  };
}

async function named({path, format}: NamedImage): Promise<{readonly path: string; readonly format: DiskFormat}> {
  if (format !== undefined) return {path, format};
  const byName = formatByName(path);
  if (byName !== undefined) return {path, format: byName};
  await using file = await open(path, 'r').catch((thrown: unknown) => {
    const detail = thrown instanceof Error ? thrown.message : String(thrown);
    throw new ManagerError('file-not-found', `The disk ${path} cannot be read: ${detail}.`, 'Check the path.');
  });
  const {buffer, bytesRead} = await file.read(Buffer.alloc(QCOW2_MAGIC.length), 0, QCOW2_MAGIC.length, 0);
  if (buffer.toString('latin1', 0, bytesRead) !== QCOW2_MAGIC) return {path, format: 'raw'};
  throw new ManagerError(
    'bad-disk',
    `${path} begins like a qcow2 image, and its name does not say so.`,
    'Say what it is: --format qcow2 or --format raw.',
  );
}

function formatByName(path: string): DiskFormat | undefined {
  if (/\.qcow2$/i.test(path)) return 'qcow2';
  return /\.(raw|img|iso)$/i.test(path) ? 'raw' : undefined;
}

async function refuseExisting(path: string): Promise<void> {
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  if (isThere)
    throw new ManagerError('bad-request', `${path} exists already.`, 'Choose another path or remove it first.');
}

async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw translateHostError(thrown, 'bad-kernel');
  }
}
