/** How a sparkline may be drawn: two values a cell in braille, one in blocks, one in ASCII. */
export type SparkStyle = 'braille' | 'block' | 'ascii';

// Dots of the left and right column of a braille cell filled from the bottom, by height 0–4.
const LEFT = [0x00, 0x40, 0x44, 0x46, 0x47];
const RIGHT = [0x00, 0x80, 0xa0, 0xb0, 0xb8];
const BLOCKS = ' ▁▂▃▄▅▆▇█';
const ASCII = ' .:-=+*#';

/**
 * The newest values as a bar graph of `width` cells, scaled to `max`, the newest at the right.
 * A value above 0 shows at least the lowest bar, so that little differs from nothing.
 */
export function sparkline(values: readonly number[], width: number, max: number, style: SparkStyle): string {
  const perCell = style === 'braille' ? 2 : 1;
  const count = Math.max(0, width) * perCell;
  const newest = count === 0 ? [] : values.slice(-count);
  const padded = [...new Array<number>(count - newest.length).fill(0), ...newest];
  const steps = style === 'braille' ? 4 : style === 'block' ? BLOCKS.length - 1 : ASCII.length - 1;
  const heights = padded.map((value) => height(value, max, steps));
  if (style === 'block') return heights.map((step) => BLOCKS[step] ?? ' ').join('');
  if (style === 'ascii') return heights.map((step) => ASCII[step] ?? ' ').join('');
  let out = '';
  for (let cell = 0; cell < width; cell++) {
    const left = LEFT[heights[cell * 2] ?? 0] ?? 0;
    const right = RIGHT[heights[cell * 2 + 1] ?? 0] ?? 0;
    out += left + right === 0 ? ' ' : String.fromCharCode(0x2800 + left + right);
  }
  return out;
}

function height(value: number, max: number, steps: number): number {
  if (!(value > 0) || !(max > 0)) return 0;
  return Math.min(steps, Math.max(1, Math.round((value / max) * steps)));
}
