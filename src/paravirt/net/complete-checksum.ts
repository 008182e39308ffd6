import {addBytes, finish} from './checksum.js';
import type {FrameOffload} from './contract.js';

/** A copy of a frame with the checksum that was left to do: its field holds the pseudo-header's sum. Source: virtio 1.2 §5.1.6.2 */
export function completeChecksum(frame: Uint8Array, offload: Readonly<FrameOffload>): Uint8Array {
  const {checksumStart, checksumOffset} = offload;
  const copy = frame.slice();
  // In UDP a 0 would mean that there is none, and TCP takes the other 0 as well.
  const checksum = finish(addBytes(0, frame, checksumStart, frame.length)) || 0xffff;
  copy[checksumStart + checksumOffset] = checksum >> 8;
  copy[checksumStart + checksumOffset + 1] = checksum & 0xff;
  return copy;
}
