/** How the content of a chunk is stored: compressed where that saves room. */
import {promisify} from 'node:util';
import {constants, zstdCompress, zstdCompressSync} from 'node:zlib';
import {CHUNK_BYTES} from './format.js';
import {RAM_PAGE_BYTES} from './saved-ram.js';

const compress = promisify(zstdCompress);
/** Level 1: RAM is read back as often as it is written, and time counts more than a tenth of the size. */
const zstd = {params: {[constants.ZSTD_c_compressionLevel]: 1}, chunkSize: CHUNK_BYTES};
/** A chunk is tried on one page of so many; what that gains less than a tenth on is stored as it is. */
const TRIED_PART = 16;

/** The content itself when it is to be stored as it is, else something shorter. */
export async function packContent(content: Buffer): Promise<Buffer> {
  if (!isCompressible(content)) return content;
  const packed = await compress(content, zstd);
  return packed.length < content.length ? packed : content;
}

/** One zstd frame, however long. */
export function packWhole(content: Buffer): Promise<Buffer> {
  return compress(content, zstd);
}

/** Guesses from some of the pages. */
function isCompressible(content: Buffer): boolean {
  const tried: Buffer[] = [];
  for (let at = 0; at < content.length; at += TRIED_PART * RAM_PAGE_BYTES)
    tried.push(content.subarray(at, at + RAM_PAGE_BYTES));
  const sample = Buffer.concat(tried);
  return zstdCompressSync(sample, zstd).length < sample.length * 0.9;
}
