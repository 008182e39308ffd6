/**
 * Characters that are drawn rather than written: lines of boxes, braille dots and bars. Fonts differ in their widths and
 * heights, or lack them, and borders and charts would have gaps and lean.
 */

/** Where a cell lies. Units: those of the picture */
export interface CellBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** What draws a character, as data of an SVG path. `dots` are drawn by round ends of lines that have no length. */
export interface CellShape {
  readonly kind: 'lines' | 'dots' | 'area';
  readonly data: string;
}

/** Arms of light lines from the cell's middle. Rounded corners are the same lines, bent. */
const ARMS: Readonly<Record<string, string>> = {
  '─': 'lr',
  '│': 'ud',
  '┌': 'rd',
  '┐': 'ld',
  '└': 'ru',
  '┘': 'lu',
  '├': 'udr',
  '┤': 'udl',
  '┬': 'lrd',
  '┴': 'lru',
  '┼': 'lrud',
};
const ROUNDED: Readonly<Record<string, string>> = {'╭': 'rd', '╮': 'ld', '╰': 'ru', '╯': 'lu'};

const BRAILLE = 0x2800;
/** Column and row of each bit of a braille character. */
const DOTS = [
  [0, 0],
  [0, 1],
  [0, 2],
  [1, 0],
  [1, 1],
  [1, 2],
  [0, 3],
  [1, 3],
] as const;

const round = (value: number): string => String(Math.round(value * 10) / 10);

/** The shape of a character, or `undefined` for what a font draws. */
export function cellShape(char: string, box: CellBox): CellShape | undefined {
  const arms = ARMS[char];
  if (arms !== undefined) return {kind: 'lines', data: straight(arms, box)};
  const corner = ROUNDED[char];
  if (corner !== undefined) return {kind: 'lines', data: bent(corner, box)};
  const code = char.codePointAt(0) ?? 0;
  if (code > BRAILLE && code <= BRAILLE + 0xff) return {kind: 'dots', data: braille(code - BRAILLE, box)};
  // ▁ to █: eighths from below.
  if (code >= 0x2581 && code <= 0x2588) return {kind: 'area', data: bar((code - 0x2580) / 8, box)};
  return undefined;
}

function ends({x, y, width, height}: CellBox) {
  const middle = {x: x + width / 2, y: y + height / 2};
  const at: Readonly<Record<string, string>> = {
    l: `${round(x)} ${round(middle.y)}`,
    r: `${round(x + width)} ${round(middle.y)}`,
    u: `${round(middle.x)} ${round(y)}`,
    d: `${round(middle.x)} ${round(y + height)}`,
  };
  return {middle: `${round(middle.x)} ${round(middle.y)}`, at};
}

function straight(arms: string, box: CellBox): string {
  const {middle, at} = ends(box);
  return [...arms].map((arm) => `M${at[arm]}L${middle}`).join('');
}

function bent(arms: string, box: CellBox): string {
  const {middle, at} = ends(box);
  return `M${at[arms.charAt(0)]}Q${middle} ${at[arms.charAt(1)]}`;
}

function braille(bits: number, {x, y, width, height}: CellBox): string {
  return DOTS.filter((_, bit) => (bits >> bit) & 1)
    .map(([column, row]) => `M${round(x + width * (0.25 + column / 2))} ${round(y + height * (0.125 + row / 4))}h0`)
    .join('');
}

function bar(share: number, {x, y, width, height}: CellBox): string {
  return `M${round(x)} ${round(y + height)}v${round(-height * share)}h${round(width)}v${round(height * share)}z`;
}
