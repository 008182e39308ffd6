/** Turns what a system call on a disk image says into an error with a code and a next step. */
import {ParavirtError} from '../error.js';

/** The error of an I/O call on an image that is open: `no-space` when it may be repeated later, else `io`. */
export function hostError(error: unknown): ParavirtError {
  if (error instanceof ParavirtError) return error;
  const code = errorCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new ParavirtError('no-space', 'The host disk is full.', 'Free some space on it, then resume the VM.', error);
  }
  return new ParavirtError('io', `The disk image failed (${code}).`, 'Check the host disk and its log.', error);
}

/** The error of opening or making the image at `path`. */
export function openError(error: unknown, path: string): ParavirtError {
  if (error instanceof ParavirtError) return error;
  switch (errorCode(error)) {
    case 'ENOENT':
      return new ParavirtError('not-found', `There is no disk image ${path}.`, 'Check the path.', error);
    case 'EEXIST':
      return new ParavirtError('in-use', `${path} exists already.`, 'Choose another path or remove it first.', error);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new ParavirtError(
        'no-permission',
        `The disk image ${path} may not be opened for this.`,
        'Check its permissions or attach it read-only.',
        error,
      );
    case 'EISDIR':
      return new ParavirtError('not-a-file', `${path} is a folder, not a disk image.`, 'Name a file.', error);
    default:
      return hostError(error);
  }
}

const errorCode = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown error';
