/** Compares the results of a random program and says where two machines part. */
import {CHECKPOINT_BYTES, COUNT_BYTES, type RandomProgram, SCRATCH_BYTES} from './generator.js';

const registerNames = [
  ...Array.from({length: 32}, (_, i) => `x${i}`),
  ...Array.from({length: 32}, (_, i) => `f${i}`),
  'fcsr',
];

/** Suspects that are listed: those that ran last. */
const MAX_SUSPECTS = 60;

const hex = (value: bigint) => value.toString(16).padStart(16, '0');

interface Difference {
  readonly name: string;
  readonly text: string;
}

/** Registers (or scratch words, when `names` is left out) that differ from `at` on for `count` 64-bit words. */
function differingWords(expected: DataView, got: DataView, at: number, count: number, names?: readonly string[]) {
  const found: Difference[] = [];
  for (let i = 0; i < count; i++) {
    const [wanted, actual] = [expected, got].map((view) => view.getBigUint64(at + i * 8, true));
    const name = names?.[i] ?? `scratch+${i * 8}`;
    if (wanted !== actual) found.push({name, text: `${name}: expected ${hex(wanted!)}, got ${hex(actual!)}`});
  }
  return found;
}

/**
 * A report on the first checkpoint after which registers differ, with seed, block, turn and the instructions that may
 * be to blame; undefined when everything, scratch memory included, is equal. Where `counted` has the results of another
 * machine of ours, blocks must have retired the same number of instructions on both, too.
 */
export function firstDifference(
  {seed, program, blocks}: RandomProgram,
  expected: Uint8Array,
  got: Uint8Array,
  counted?: Uint8Array,
): string | undefined {
  const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [left, right] = [view(expected), view(got)];
  if (expected.length !== program.resultBytes || got.length !== program.resultBytes)
    return `expected ${program.resultBytes} bytes of results, have ${expected.length} and ${got.length}`;
  let at = SCRATCH_BYTES;
  for (const [index, {checkpoints, lines}] of blocks.entries()) {
    for (let turn = 0; turn < checkpoints; turn++, at += CHECKPOINT_BYTES) {
      const words = differingWords(left, right, at, registerNames.length, registerNames);
      if (words.length === 0) continue;
      const names = new Set(words.map(({name}) => name));
      // fcsr changes without being named: then every instruction of the block is a suspect.
      const suspects = names.has('fcsr') && names.size === 1 ? lines : lines.filter(({writes}) => names.has(writes));
      const listing = suspects.slice(-MAX_SUSPECTS).map(({address, text}) => `  ${address.toString(16)}: ${text()}`);
      const place = `seed ${seed}, block ${index}, checkpoint ${turn + 1} of ${checkpoints}:`;
      return [place, ...words.map(({text}) => `  ${text}`), 'suspects:', ...listing].join('\n');
    }
    const counts = counted ? differingWords(view(counted), right, at, 1, ['instructions']) : [];
    if (counts.length > 0)
      return `seed ${seed}, block ${index}: ${counts[0]!.text} from ${lines[0]?.address.toString(16)} on`;
    at += COUNT_BYTES;
  }
  const scratch = differingWords(left, right, 0, SCRATCH_BYTES / 8);
  if (scratch.length === 0) return undefined;
  return [`seed ${seed}, scratch memory at the end:`, ...scratch.slice(0, 20).map(({text}) => `  ${text}`)].join('\n');
}
