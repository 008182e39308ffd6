/** Moves the content of disks between images: for converting, committing and rebasing. */
import {isZero} from '../../paravirt/block/buffers.js';
import {type ChainImage, openChain} from '../../paravirt/block/chain.js';
import type {BlockBackend} from '../../paravirt/block/contract.js';
import type {Qcow2Image} from '../../paravirt/block/formats/qcow2/image.js';
import type {DiskWork} from '../client/disk-tools.js';
import {ManagerError} from '../protocol/errors.js';

/** Bytes in one request. */
const CHUNK_BYTES = 1 << 20;
/** Requests at once: bounds memory to a few chunks. */
const PARALLEL = 4;
/** Zeros are looked for in pieces of this size, so that sparse data stays sparse. */
const GRAIN_BYTES = 65_536;

/** A stretch to copy. */
export interface Stretch {
  readonly start: number;
  readonly length: number;
}

/** Stretches of a disk that may hold anything but zeros, and that `wants` says yes to. In order, at most a chunk long. */
export async function* findData(
  disk: BlockBackend,
  wants: (depth: number) => boolean,
  sizeBytes = disk.sizeBytes,
): AsyncIterable<Stretch> {
  for (let start = 0; start < sizeBytes; ) {
    const {kind, length, depth} = await disk.status(start, sizeBytes - start);
    if (kind === 'data' && wants(depth)) {
      for (let at = 0; at < length; at += CHUNK_BYTES)
        yield {start: start + at, length: Math.min(CHUNK_BYTES, length - at)};
    }
    start += length;
  }
}

/** Copies stretches, zeros left out when the target shows zeros already. */
export async function copyStretches(
  source: BlockBackend,
  target: BlockBackend,
  stretches: AsyncIterable<Stretch>,
  skipsZeros: boolean,
  stage: string,
  {signal, onProgress}: DiskWork,
): Promise<void> {
  const iterator = stretches[Symbol.asyncIterator]();
  let taking: Promise<unknown> = Promise.resolve();
  // One after the other asks for the next stretch; the copying itself overlaps.
  const next = () => {
    const result = taking.then(() => iterator.next());
    taking = result.catch(() => undefined);
    return result;
  };
  const worker = async () => {
    const buffer = new Uint8Array(CHUNK_BYTES);
    for (let step = await next(); !step.done; step = await next()) {
      throwIfAborted(signal);
      const {start, length} = step.value;
      const part = buffer.subarray(0, length);
      await source.readv([part], start);
      for (let at = 0; at < length; ) {
        let end = nextGrain(start, at, length);
        const isHole = skipsZeros && isZero(part.subarray(at, end));
        while (end < length && isHole === (skipsZeros && isZero(part.subarray(end, nextGrain(start, end, length)))))
          end = nextGrain(start, end, length);
        if (!isHole) await target.writev([part.subarray(at, end)], start + at);
        at = end;
      }
      onProgress?.({stage, done: start + length, total: source.sizeBytes});
    }
  };
  const results = await Promise.allSettled(Array.from({length: PARALLEL}, worker));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

/**
 * Writes what the first image of a chain holds itself into the second: durable when it resolves, and the chain without the
 * first then shows the same. Zeros that it holds hide what is below; there they become zeros as well.
 */
export async function foldImage(chain: readonly ChainImage[], work: DiskWork = {}): Promise<void> {
  await using from = await openChain(chain, true);
  await using to = await openChain(chain.slice(1), false);
  if (to.sizeBytes < from.sizeBytes) await to.resize(from.sizeBytes);
  const own = findData(from, (depth) => depth === 0);
  await copyStretches(from, to, own, false, 'committing', work);
  for (let start = 0; start < from.sizeBytes; ) {
    const {kind, depth, length} = await from.status(start, from.sizeBytes - start);
    if (kind === 'zero' && depth === 0) await to.writeZeroes(start, length);
    start += length;
  }
  await to.flush();
}

/** Copies a whole disk, cluster by cluster, each packed where that saves room. */
export async function copyCompressed(
  source: BlockBackend,
  target: Qcow2Image,
  {signal, onProgress}: DiskWork,
): Promise<void> {
  const cluster = new Uint8Array(target.clusterBytes);
  const tail = {position: 0, end: 0};
  let copied = -1;
  for await (const {start, length} of findData(source, () => true)) {
    const first = Math.floor(start / cluster.length);
    const last = Math.floor((start + length - 1) / cluster.length);
    for (let index = first; index <= last; index++) {
      throwIfAborted(signal);
      const at = index * cluster.length;
      // A cluster at the border of two stretches comes twice; it is copied whole the first time.
      if (index <= copied) continue;
      copied = index;
      const bytes = cluster.subarray(0, Math.min(cluster.length, source.sizeBytes - at));
      cluster.fill(0, bytes.length);
      await source.readv([bytes], at);
      if (isZero(bytes)) continue;
      if (!(await target.writeCompressed(index, cluster, tail))) await target.writev([bytes], at);
    }
    onProgress?.({stage: 'copying', done: start + length, total: source.sizeBytes});
  }
}

/** Errors: cancelled */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new ManagerError('cancelled', 'It was cancelled.', 'Run the command again to do it.');
}

const nextGrain = (start: number, at: number, length: number): number =>
  Math.min(length, at + GRAIN_BYTES - ((start + at) % GRAIN_BYTES));
