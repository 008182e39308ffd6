/** Boots debian-mini again and again, to its prompt and down again: finds what goes wrong once in many times. */
import type {BuiltImage} from '../../src/manager/image/image-record.js';
import {PROMPT} from './boot.js';
import {type LinuxGuest, type OwnProgram, ownCommand} from './guest-process.js';
import {median, run} from './process.js';

const MEMORY_BYTES = 256 * 1024 ** 2;
/** Ten times what a boot takes on a busy host. Units: seconds */
const DEADLINE = 60;

/** `count` boots for each number of harts. Prints failures with the end of their consoles; false when there were any. */
export async function benchBoots(
  self: OwnProgram,
  image: BuiltImage,
  count: number,
  hartCounts: readonly number[],
): Promise<boolean> {
  const {kernelPath, initrdPath, commandLine} = image;
  let isRight = true;
  for (const hartCount of hartCounts) {
    const guest: LinuxGuest = {
      ...{kernelPath, initrdPath, commandLine},
      ...{hartCount, memoryBytes: MEMORY_BYTES, console: 'virtio' as const},
    };
    const times: number[] = [];
    for (let attempt = 1; attempt <= count; attempt++) {
      try {
        const typed = {at: PROMPT, text: 'poweroff\n'};
        const {output, status, milliseconds} = await run(ownCommand(self, guest), {typed, deadline: DEADLINE});
        if (status !== 0 || !PROMPT.test(output)) throw new Error(`ended with ${status}:\n${output.slice(-3000)}`);
        times.push(milliseconds);
      } catch (error) {
        console.log(
          `boot ${attempt} with ${hartCount} harts FAILED: ${error instanceof Error ? error.message : error}`,
        );
      }
      process.stderr.write(`boots: ${attempt} of ${count} with ${hartCount} harts\n`);
    }
    isRight &&= times.length === count;
    const typical = times.length > 0 ? `, median ${(median(times) / 1e3).toFixed(1)} s to power-off` : '';
    console.log(`boots with ${hartCount} harts: ${times.length} of ${count} right${typical}`);
  }
  return isRight;
}
