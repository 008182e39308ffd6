import {ERRNO} from './errno.js';
import {ShareError} from './share-error.js';

/** Refuses what is no name of something in a folder: an empty one, a path, `.` and `..`. Errors: ShareError EINVAL */
export function plainName(name: string): string {
  if (name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('\0'))
    throw new ShareError(ERRNO.EINVAL);
  return name;
}
