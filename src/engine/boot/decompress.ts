import {constants, gunzipSync, zstdDecompressSync} from 'node:zlib';
import {EngineError} from '../error.js';

/** Largest kernel we unpack. A few compressed kilobytes can claim terabytes: this bounds what they cost. */
export const MAX_UNPACKED_BYTES = 256 * 1024 * 1024;

/** Compression methods by their magic bytes, with or without a decoder here. */
const magics: readonly {readonly name: string; readonly bytes: readonly number[]}[] = [
  {name: 'gzip', bytes: [0x1f, 0x8b]},
  {name: 'zstd', bytes: [0x28, 0xb5, 0x2f, 0xfd]},
  {name: 'xz', bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a]},
  {name: 'bzip2', bytes: [0x42, 0x5a, 0x68]},
  {name: 'lz4', bytes: [0x02, 0x21, 0x4c, 0x18]},
  {name: 'lz4', bytes: [0x04, 0x22, 0x4d, 0x18]},
  {name: 'lzma', bytes: [0x5d, 0x00, 0x00]},
  {name: 'lzo', bytes: [0x89, 0x4c, 0x5a, 0x4f]},
];

/** Names the compression method a file begins with, or undefined. */
export function compressionOf(bytes: Uint8Array): string | undefined {
  return magics.find((magic) => magic.bytes.every((byte, i) => bytes[i] === byte))?.name;
}

/**
 * Unpacks gzip or zstd data; bytes after its end are ignored.
 * Errors: EngineError 'unsupported-compression', 'truncated-image' (cut short or damaged), 'too-large' (over the limit)
 */
export function decompress(bytes: Uint8Array, method: string, limitBytes = MAX_UNPACKED_BYTES): Uint8Array {
  const unpack = decoderOf(method);
  try {
    return unpack(bytes, limitBytes);
  } catch (cause) {
    if (codeOf(cause) === 'ERR_BUFFER_TOO_LARGE') {
      throw new EngineError(
        'too-large',
        `The ${method} kernel unpacks to more than ${limitBytes / 1024 / 1024} MiB.`,
        'Check that the file is a kernel, not a disk image or an initrd.',
      );
    }
    throw new EngineError(
      'truncated-image',
      `The ${method} data of the kernel is cut short or damaged.`,
      'Copy or download it again: the file is incomplete.',
    );
  }
}

function decoderOf(method: string): (bytes: Uint8Array, limitBytes: number) => Uint8Array {
  switch (method) {
    case 'gzip':
      return (bytes, limitBytes) => gunzipSync(bytes, {maxOutputLength: limitBytes});
    case 'zstd':
      return unpackZstd;
    default:
      throw new EngineError(
        'unsupported-compression',
        `The kernel is compressed with ${method}, which viv cannot unpack.`,
        'Unpack it first, or use a kernel compressed with gzip or zstd.',
      );
  }
}

/** A higher window log than the decoder's default, since kernels are packed with long windows (zstd -22 --long). */
function unpackZstd(bytes: Uint8Array, limitBytes: number): Uint8Array {
  return zstdDecompressSync(bytes, {
    maxOutputLength: limitBytes,
    params: {[constants.ZSTD_d_windowLogMax]: 28},
  });
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
