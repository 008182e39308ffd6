/** Words of the image catalog. */
import type {Image} from '../../../manager/protocol/image.js';
import {text} from '../../text/text.js';
import {formatBytes} from './units.js';

/** What is there of an image, or what making it takes: `cached 143M`, `downloads about 112M`. */
export function imageSize({state, sizeBytes, downloadBytes}: Image): string {
  const {building, cached, missing} = text.machineForm.image;
  const sizeOf = (bytes: number | undefined) => (bytes === undefined ? undefined : formatBytes(bytes));
  if (state === 'building') return building;
  return state === 'ready' ? cached(sizeOf(sizeBytes)) : missing(sizeOf(downloadBytes));
}
