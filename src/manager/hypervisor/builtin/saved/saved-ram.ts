/** RAM as a save reads it. Units: pages are indices from RAM's start, of `RAM_PAGE_BYTES` */

/** Bytes of a page. */
export const RAM_PAGE_BYTES = 4096;

/** RAM at one instant. */
export interface RamSource {
  readonly sizeBytes: number;
  /** A page that was never written is zero. */
  isTouched(page: number): boolean;
  /** A page that is not there yet is as the file has it that this save stands on, and cannot be taken. */
  isAbsent(page: number): boolean;
  /** A page that was not written since the file that this save stands on. */
  isChanged(page: number): boolean;
  /** A copy of some pages, asked for once. */
  take(first: number, count: number): Buffer;
  /** Some pages will not be asked for. */
  leave(first: number, count: number): void;
}
