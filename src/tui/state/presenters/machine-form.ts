/** Words of the image catalog. */
import type {Image} from '../../../manager/protocol/image.js';
import {formatBytes} from './units.js';

/** What is there of an image, or what making it takes: `cached 143M`, `downloads about 112M`. */
export function imageSize({state, sizeBytes, downloadBytes}: Image): string {
  if (state === 'building') return 'being built';
  if (state === 'ready') return sizeBytes === undefined ? 'cached' : `cached ${formatBytes(sizeBytes)}`;
  return downloadBytes === undefined ? 'is to be built' : `downloads about ${formatBytes(downloadBytes)}`;
}
