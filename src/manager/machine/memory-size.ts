/** Sizes of guest memory that can be asked for. */
import {ManagerError} from '../protocol/errors.js';
import {MIN_MEMORY_BYTES} from '../protocol/machine.js';

/** Guest memory comes in pages. */
const PAGE_BYTES = 4096;

/** Passes a usable size on. Errors: bad-memory-size */
export function checkMemorySize(bytes: number): number {
  if (Number.isSafeInteger(bytes) && bytes >= MIN_MEMORY_BYTES && bytes % PAGE_BYTES === 0) return bytes;
  throw new ManagerError(
    'bad-memory-size',
    `${bytes} bytes cannot be a machine's memory.`,
    `Give at least ${MIN_MEMORY_BYTES / 1_048_576} MiB, like 256M, a multiple of 4 KiB.`,
  );
}
