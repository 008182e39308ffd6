/** Compares the results of a random program and says where two machines part. */
import {CHECKPOINT_BYTES, type RandomProgram, SCRATCH_BYTES} from './generator.js';

const registerNames = [
  ...Array.from({length: 32}, (_, i) => `x${i}`),
  ...Array.from({length: 32}, (_, i) => `f${i}`),
  'fcsr',
];

const hex = (value: bigint) => value.toString(16).padStart(16, '0');

/** Registers (or scratch words, when `names` is left out) that differ from `at` on for `count` 64-bit words. */
function differingWords(expected: DataView, got: DataView, at: number, count: number, names?: readonly string[]) {
  const found: {readonly name: string; readonly text: string}[] = [];
  for (let i = 0; i < count; i++) {
    const [wanted, actual] = [expected, got].map((view) => view.getBigUint64(at + i * 8, true));
    const name = names?.[i] ?? `scratch+${i * 8}`;
    if (wanted !== actual) found.push({name, text: `${name}: expected ${hex(wanted!)}, got ${hex(actual!)}`});
  }
  return found;
}

/**
 * A report on the first block after which registers differ, with the instructions of that block that may be to blame;
 * undefined when everything, scratch memory included, is equal.
 */
export function firstDifference(
  {program, blocks}: RandomProgram,
  expected: Uint8Array,
  got: Uint8Array,
): string | undefined {
  const [left, right] = [expected, got].map((bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  if (!left || !right || expected.length !== program.resultBytes || got.length !== program.resultBytes)
    return `expected ${program.resultBytes} bytes of results, have ${expected.length} and ${got.length}`;
  for (const [index, lines] of blocks.entries()) {
    const at = SCRATCH_BYTES + index * CHECKPOINT_BYTES;
    const words = differingWords(left, right, at, registerNames.length, registerNames);
    if (words.length === 0) continue;
    const names = new Set(words.map(({name}) => name));
    // fcsr changes without being named: then every instruction of the block is a suspect.
    const suspects = names.has('fcsr') && names.size === 1 ? lines : lines.filter(({writes}) => names.has(writes));
    const listing = suspects.slice(-60).map(({address, text}) => `  ${address.toString(16)}: ${text()}`);
    return [`block ${index}:`, ...words.map(({text}) => `  ${text}`), 'suspects:', ...listing].join('\n');
  }
  const scratch = differingWords(left, right, 0, SCRATCH_BYTES / 8);
  if (scratch.length === 0) return undefined;
  return ['scratch memory at the end:', ...scratch.slice(0, 20).map(({text}) => `  ${text}`)].join('\n');
}
