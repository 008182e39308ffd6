/**
 * Compressed clusters: a raw deflate stream with a window of 4 KiB, or a zstd frame. Neither says how long it is in the
 * entry (which counts sectors), and other clusters' bytes may follow.
 */
import {promisify} from 'node:util';
import {deflateRaw, inflateRaw, constants as zlib, zstdCompress, zstdDecompress} from 'node:zlib';

const WINDOW_BITS = 12;
const deflate = promisify(deflateRaw) as (bytes: Uint8Array, options: object) => Promise<Buffer>;
const inflate = promisify(inflateRaw) as (bytes: Uint8Array, options: object) => Promise<Buffer>;
const packZstd = promisify(zstdCompress) as (bytes: Uint8Array, options: object) => Promise<Buffer>;
const unpackZstd = promisify(zstdDecompress) as (bytes: Uint8Array, options: object) => Promise<Buffer>;

/** How an image compresses. */
export type Compression = 'zlib' | 'zstd';

/** The cluster in `bytes`, or undefined when they are no such thing. Memory is bounded by the cluster's size. */
export async function decompress(
  method: Compression,
  bytes: Uint8Array,
  clusterBytes: number,
): Promise<Uint8Array | undefined> {
  try {
    const unpacked = method === 'zlib' ? await inflateCluster(bytes, clusterBytes) : await unzstd(bytes, clusterBytes);
    return unpacked?.length === clusterBytes ? unpacked : undefined;
  } catch {
    // Anything that zlib does not like is a damaged cluster: the caller says which.
    return undefined;
  }
}

/** Packs a cluster; undefined when that saves nothing. */
export async function compress(method: Compression, cluster: Uint8Array): Promise<Uint8Array | undefined> {
  const packed =
    method === 'zlib'
      ? await deflate(cluster, {windowBits: WINDOW_BITS, level: 6})
      : await packZstd(cluster, {params: {[zlib.ZSTD_c_compressionLevel]: 3}});
  return packed.length < cluster.length ? packed : undefined;
}

async function inflateCluster(bytes: Uint8Array, clusterBytes: number): Promise<Uint8Array> {
  // QEMU's own reader takes a stream that ends late or not at all, as long as the cluster is full by then.
  return inflate(bytes, {windowBits: WINDOW_BITS, maxOutputLength: clusterBytes, finishFlush: zlib.Z_SYNC_FLUSH});
}

async function unzstd(bytes: Uint8Array, clusterBytes: number): Promise<Uint8Array | undefined> {
  const length = zstdFrameLength(bytes);
  if (length === undefined) return undefined;
  // A window beyond the cluster would only cost memory: no cluster is larger than 2 MiB.
  const params = {[zlib.ZSTD_d_windowLogMax]: 22};
  return unpackZstd(bytes.subarray(0, length), {maxOutputLength: clusterBytes, params});
}

/**
 * Length of the zstd frame at the beginning, or undefined when there is no whole one.
 * Source: RFC 8878 §3.1.1
 */
export function zstdFrameLength(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 6 || view.getUint32(0, true) !== 0xfd2fb528) return undefined;
  const descriptor = view.getUint8(4);
  const isSingle = (descriptor & 0x20) !== 0;
  const sizeCode = descriptor >> 6;
  const sizeBytes = sizeCode === 0 ? (isSingle ? 1 : 0) : 1 << sizeCode;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  let at = 5 + (isSingle ? 0 : 1) + dictionaryBytes + sizeBytes;
  for (;;) {
    if (at + 3 > bytes.length) return undefined;
    const block = view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
    const type = (block >> 1) & 3;
    if (type === 3) return undefined;
    at += 3 + (type === 1 ? 1 : block >> 3);
    if ((block & 1) === 0) continue;
    at += descriptor & 4 ? 4 : 0;
    return at <= bytes.length ? at : undefined;
  }
}
