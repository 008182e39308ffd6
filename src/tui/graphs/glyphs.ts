/**
 * What dots of a braille cell look like in each set of characters. Bits are those of Unicode: 1, 2, 4, 0x40 down the left
 * column and 8, 0x10, 0x20, 0x80 down the right one.
 */
import type {SparkStyle} from './sparkline.js';

const LEFT = [0x01, 0x02, 0x04, 0x40];
const RIGHT = [0x08, 0x10, 0x20, 0x80];
// By quadrants: 1 upper left, 2 upper right, 4 lower left, 8 lower right.
const QUADRANTS = ' ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█';

/** The character for dots in a set: `glyphs(style)[bits]`. No dots are a space. */
export function glyphs(style: SparkStyle): readonly string[] {
  return TABLES[style];
}

const all = Array.from({length: 256}, (_, bits) => bits);
const TABLES: Readonly<Record<SparkStyle, readonly string[]>> = {
  braille: all.map((bits) => (bits === 0 ? ' ' : String.fromCharCode(0x2800 + bits))),
  block: all.map((bits) => QUADRANTS[quadrants(bits)] ?? ' '),
  ascii: all.map(asciiOf),
};

function quadrants(bits: number): number {
  const has = (mask: number) => (bits & mask) !== 0;
  return (has(0x03) ? 1 : 0) | (has(0x18) ? 2 : 0) | (has(0x44) ? 4 : 0) | (has(0xa0) ? 8 : 0);
}

// A line by where it goes: steep ones as / | \, flat ones by their height in the cell.
function asciiOf(bits: number): string {
  const left = rowsOf(bits, LEFT);
  const right = rowsOf(bits, RIGHT);
  const rows = [...left, ...right];
  if (rows.length === 0) return ' ';
  const middle = mean(rows);
  const height = Math.max(...rows) - Math.min(...rows);
  if (height >= 2) {
    if (left.length === 0 || right.length === 0) return '|';
    const slope = mean(right) - mean(left);
    return Math.abs(slope) < 1 ? '|' : slope < 0 ? '/' : '\\';
  }
  return middle < 1 ? "'" : middle < 2.5 ? '-' : '_';
}

function rowsOf(bits: number, column: readonly number[]): number[] {
  return column.flatMap((mask, row) => ((bits & mask) === 0 ? [] : [row]));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
