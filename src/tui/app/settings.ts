import {existsSync, readFileSync} from 'node:fs';
import {homedir} from 'node:os';
import {join} from 'node:path';
import defaultKeys from '../../../configs/keymap.json' with {type: 'json'};
import type {Action} from '../keys/action.js';
import {type KeyOverrides, parseKeyOverrides} from '../keys/keymap.js';
import {DEFAULT_THEME, loadTheme, type Theme} from '../theme.js';

/** What a person can change about the TUI. */
export interface TuiSettings {
  readonly keys: KeyOverrides;
  readonly theme: Theme;
}

/** The folder with a person's own `keymap.json` and `theme.json`. */
export function settingsFolder(env: NodeJS.ProcessEnv): string {
  return join(env['XDG_CONFIG_HOME'] || join(env['HOME'] || homedir(), '.config'), 'vivarium');
}

/** The shipped settings with the person's own over them. Errors: throws naming the file that is wrong */
export function loadSettings(env: NodeJS.ProcessEnv, actions: readonly Action[]): TuiSettings {
  const folder = settingsFolder(env);
  const keymapPath = join(folder, 'keymap.json');
  const themePath = join(folder, 'theme.json');
  const shipped = parseKeyOverrides(defaultKeys, actions);
  const own = existsSync(keymapPath) ? parseKeyOverrides(readJson(keymapPath), actions) : {};
  return {keys: {...shipped, ...own}, theme: existsSync(themePath) ? loadTheme(themePath) : DEFAULT_THEME};
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}.`);
  }
}
