/** Select Graphic Rendition: parameters to {@link Style} and back. */
import {
  ATTR_BLINK,
  ATTR_BOLD,
  ATTR_DIM,
  ATTR_HIDDEN,
  ATTR_INVERSE,
  ATTR_ITALIC,
  ATTR_STRIKE,
  ATTR_UNDERLINE,
  COLOR_DEFAULT,
  COLOR_RGB_FLAG,
  type Color,
  PLAIN,
  type Style,
} from './cells.js';

/** How many colours the host terminal shows; `none` keeps attributes only. */
export type ColorDepth = 'none' | '16' | '256' | 'truecolor';

const SET_ATTR: Readonly<Record<number, number>> = {
  1: ATTR_BOLD,
  2: ATTR_DIM,
  3: ATTR_ITALIC,
  4: ATTR_UNDERLINE,
  5: ATTR_BLINK,
  6: ATTR_BLINK,
  7: ATTR_INVERSE,
  8: ATTR_HIDDEN,
  9: ATTR_STRIKE,
};

const CLEAR_ATTR: Readonly<Record<number, number>> = {
  22: ATTR_BOLD | ATTR_DIM,
  23: ATTR_ITALIC,
  24: ATTR_UNDERLINE,
  25: ATTR_BLINK,
  27: ATTR_INVERSE,
  28: ATTR_HIDDEN,
  29: ATTR_STRIKE,
};

/** Applies the parameters of one `CSI … m` to a style. Unknown parameters are ignored. */
export function applySgr(style: Style, params: readonly number[]): Style {
  let {fg, bg, attrs} = style;
  for (let index = 0; index < params.length; index++) {
    const code = params[index] ?? 0;
    const set = SET_ATTR[code];
    const clear = CLEAR_ATTR[code];
    if (code === 0) ({fg, bg, attrs} = PLAIN);
    else if (set !== undefined) attrs |= set;
    else if (clear !== undefined) attrs &= ~clear;
    else if (code >= 30 && code <= 37) fg = code - 30;
    else if (code >= 90 && code <= 97) fg = code - 82;
    else if (code === 39) fg = COLOR_DEFAULT;
    else if (code >= 40 && code <= 47) bg = code - 40;
    else if (code >= 100 && code <= 107) bg = code - 92;
    else if (code === 49) bg = COLOR_DEFAULT;
    else if (code === 38 || code === 48) {
      const [color, used] = extendedColor(params, index + 1);
      if (code === 38) fg = color;
      else bg = color;
      index += used;
    }
  }
  return {fg, bg, attrs};
}

function extendedColor(params: readonly number[], at: number): [Color, number] {
  if (params[at] === 5) return [(params[at + 1] ?? 0) & 0xff, 2];
  if (params[at] === 2) {
    const [red = 0, green = 0, blue = 0] = params.slice(at + 1, at + 4);
    return [COLOR_RGB_FLAG | ((red & 0xff) << 16) | ((green & 0xff) << 8) | (blue & 0xff), 4];
  }
  return [COLOR_DEFAULT, 0];
}

const ATTR_CODES: readonly (readonly [number, number])[] = [
  [ATTR_BOLD, 1],
  [ATTR_DIM, 2],
  [ATTR_ITALIC, 3],
  [ATTR_UNDERLINE, 4],
  [ATTR_BLINK, 5],
  [ATTR_INVERSE, 7],
  [ATTR_HIDDEN, 8],
  [ATTR_STRIKE, 9],
];

/** The escape sequence that switches from any style to the given one. It always starts from a reset. */
export function sgrSequence(fg: Color, bg: Color, attrs: number, depth: ColorDepth): string {
  let out = '\x1b[0';
  for (const [bit, code] of ATTR_CODES) if ((attrs & bit) !== 0) out += `;${code}`;
  if (depth !== 'none') out += colorParams(fg, 30, depth) + colorParams(bg, 40, depth);
  return `${out}m`;
}

function colorParams(color: Color, base: 30 | 40, depth: ColorDepth): string {
  if (color === COLOR_DEFAULT) return '';
  let index = color;
  if (color >= COLOR_RGB_FLAG) {
    if (depth === 'truecolor') return `;${base + 8};2;${(color >> 16) & 0xff};${(color >> 8) & 0xff};${color & 0xff}`;
    index = rgbToPalette(color);
  }
  if (depth === '16' && index >= 16) index = rgbTo16(paletteToRgb(index));
  if (index < 8) return `;${base + index}`;
  if (index < 16) return `;${base + 52 + index}`;
  return `;${base + 8};5;${index}`;
}

const CUBE = [0, 95, 135, 175, 215, 255];
const BASIC = [
  0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd, 0x00cdcd, 0xe5e5e5, 0x7f7f7f, 0xff0000, 0x00ff00,
  0xffff00, 0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff,
];

/** The 24-bit value of a palette index, as xterm defines it. */
export function paletteToRgb(index: number): number {
  if (index < 16) return BASIC[index] ?? 0;
  if (index >= 232) {
    const level = 8 + (index - 232) * 10;
    return (level << 16) | (level << 8) | level;
  }
  const cube = index - 16;
  const red = CUBE[Math.floor(cube / 36)] ?? 0;
  const green = CUBE[Math.floor(cube / 6) % 6] ?? 0;
  const blue = CUBE[cube % 6] ?? 0;
  return (red << 16) | (green << 8) | blue;
}

function nearest(target: number, candidates: Iterable<readonly [number, number]>): number {
  let best = 0;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const [index, rgb] of candidates) {
    const dr = ((target >> 16) & 0xff) - ((rgb >> 16) & 0xff);
    const dg = ((target >> 8) & 0xff) - ((rgb >> 8) & 0xff);
    const db = (target & 0xff) - (rgb & 0xff);
    const distance = dr * dr + dg * dg + db * db;
    if (distance < bestDistance) [best, bestDistance] = [index, distance];
  }
  return best;
}

const PALETTE_CANDIDATES = Array.from({length: 240}, (_, index) => [index + 16, paletteToRgb(index + 16)] as const);
const paletteCache = new Map<number, number>();

function rgbToPalette(color: Color): number {
  const rgb = color & 0xffffff;
  let index = paletteCache.get(rgb);
  if (index === undefined) {
    index = nearest(rgb, PALETTE_CANDIDATES);
    // A guest can draw any number of colours; the cache must not grow with them.
    if (paletteCache.size > 4096) paletteCache.clear();
    paletteCache.set(rgb, index);
  }
  return index;
}

function rgbTo16(rgb: number): number {
  return nearest(
    rgb,
    BASIC.map((value, index) => [index, value] as const),
  );
}
