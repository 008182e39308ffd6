/**
 * Errors as guests know them. Numbers are those of Linux on riscv64 (asm-generic), whatever the host's are.
 * Source: Linux include/uapi/asm-generic/errno-base.h, errno.h
 */

/** Errors a share answers with. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EIO: 5,
  ENXIO: 6,
  EBADF: 9,
  ENOMEM: 12,
  EACCES: 13,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ETXTBSY: 26,
  EFBIG: 27,
  ENOSPC: 28,
  EROFS: 30,
  EMLINK: 31,
  ENAMETOOLONG: 36,
  ENOTEMPTY: 39,
  ELOOP: 40,
  EILSEQ: 84,
  EMSGSIZE: 90,
  EOPNOTSUPP: 95,
  ESTALE: 116,
  EDQUOT: 122,
} as const;

const byName: ReadonlyMap<string, number> = new Map(Object.entries(ERRNO));

/**
 * The number for what a system call of the host threw; `EIO` for errors that a guest would not know.
 * Errors: throws on what is no system error, since that is a bug of ours
 */
export function errnoOf(thrown: unknown): number {
  if (!(thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string')) throw thrown;
  // Node's permission model keeps a machine process to what it was given.
  if (thrown.code === 'ERR_ACCESS_DENIED') return ERRNO.EPERM;
  if (!('syscall' in thrown)) throw thrown;
  return byName.get(thrown.code) ?? ERRNO.EIO;
}
