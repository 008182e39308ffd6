import {readFileSync} from 'node:fs';
import * as z from 'zod';
import dark from '../../configs/themes/dark.json' with {type: 'json'};
import highContrast from '../../configs/themes/high-contrast.json' with {type: 'json'};
import light from '../../configs/themes/light.json' with {type: 'json'};
import monochrome from '../../configs/themes/monochrome.json' with {type: 'json'};
import {COLOR_DEFAULT, COLOR_RGB_FLAG, type Color} from './terminal/cells.js';
import {text} from './text/text.js';

const TOKENS = [
  'accent',
  'border',
  'borderFocused',
  'text',
  'faint',
  'running',
  'paused',
  'busy',
  'off',
  'failed',
  'chartCpu',
  'chartMemory',
  'chartSecond',
  'chartThird',
  'chartFourth',
] as const;

/** Names of the colours a theme gives. */
export type ThemeToken = (typeof TOKENS)[number];

/** Colour per token: a name as `green` or `#rrggbb`; empty for the terminal's own colour. */
export type Theme = Readonly<Record<ThemeToken, string>>;

const themeSchema = z.partialRecord(z.enum(TOKENS), z.string().regex(/^(#[0-9a-fA-F]{6}|[a-zA-Z]*)$/));

function completed(content: unknown): Theme {
  const partial = themeSchema.parse(content);
  const theme: Partial<Record<ThemeToken, string>> = {};
  for (const token of TOKENS) theme[token] = partial[token] ?? '';
  return theme as Theme;
}

/** The themes of configs/themes, by the names of their files. */
export const THEMES = {
  dark: completed(dark),
  light: completed(light),
  'high-contrast': completed(highContrast),
  monochrome: completed(monochrome),
} as const satisfies Readonly<Record<string, Theme>>;

/** A theme that comes with the program, or `own`: the person's theme.json. */
export type ThemeName = keyof typeof THEMES | 'own';

/** Their names, in the order in which they are gone through. */
export const THEME_NAMES = [...Object.keys(THEMES), 'own'] as readonly ThemeName[];

/** The theme of who says nothing. */
export const DEFAULT_THEME: Theme = THEMES.dark;

/** The theme of a name; `own` is the person's, if there is one. */
export function chosenTheme(name: ThemeName, own: Theme | undefined): Theme {
  return name === 'own' ? (own ?? DEFAULT_THEME) : THEMES[name];
}

/** Reads a theme file over the default. Errors: throws with the file's name when it cannot be read or has other keys */
export function loadTheme(path: string): Theme {
  const given = themeSchema.safeParse(JSON.parse(readFileSync(path, 'utf8')));
  if (!given.success) throw new Error(text.settings.notTheme(path, z.prettifyError(given.error)));
  return {...DEFAULT_THEME, ...given.data} as Theme;
}

const NAMES = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white', 'gray'];

/** The cell colour of a theme value, for what is painted directly. Unknown names are the terminal's own colour. */
export function cellColor(value: string): Color {
  if (value.startsWith('#')) return COLOR_RGB_FLAG | Number.parseInt(value.slice(1), 16);
  const index = NAMES.indexOf(value);
  return index === -1 ? COLOR_DEFAULT : index;
}
