import {existsSync, readFileSync} from 'node:fs';
import {homedir} from 'node:os';
import {join} from 'node:path';
import defaultKeys from '../../../configs/keymap.json' with {type: 'json'};
import type {Action} from '../keys/action.js';
import {actionsIn, buildKeymap, type KeyOverrides, parseKeyOverrides, rebind} from '../keys/keymap.js';
import {TABS} from '../state/model.js';
import {text} from '../text/text.js';
import {loadTheme, type Theme} from '../theme.js';

/** What a person can change about the TUI. `problems` has a sentence for each thing in their files that is not used. */
export interface TuiSettings {
  readonly keys: KeyOverrides;
  readonly ownTheme: Theme | undefined;
  readonly problems: readonly string[];
}

/** The folder with a person's own `keymap.json` and `theme.json`, and the preferences that the UI keeps. */
export function settingsFolder(env: NodeJS.ProcessEnv): string {
  return join(env['XDG_CONFIG_HOME'] || join(env['HOME'] || homedir(), '.config'), 'vivarium');
}

/** The shipped settings with the person's own over them. What is wrong in those is left out, and told. */
export function loadSettings(env: NodeJS.ProcessEnv, actions: readonly Action[]): TuiSettings {
  const folder = settingsFolder(env);
  const problems: string[] = [];
  const own = attempt(join(folder, 'keymap.json'), problems, (path) => parseKeyOverrides(readJson(path), actions));
  const ownTheme = attempt(join(folder, 'theme.json'), problems, loadTheme);
  return {keys: withoutConflicts(actions, own ?? {}, problems), ownTheme, problems};
}

/** Keys by action; those of the person one after the other, as long as no key means two things. */
function withoutConflicts(actions: readonly Action[], own: KeyOverrides, problems: string[]): KeyOverrides {
  let keys = parseKeyOverrides(defaultKeys, actions);
  const left = new Map(Object.entries(own));
  // Two that change places only fit together: what does not fit yet is tried again after the others.
  for (let isMoving = true; isMoving && left.size > 0; ) {
    const all = {...keys, ...Object.fromEntries(left)};
    if (conflictOf(actions, all) === undefined) return all;
    isMoving = false;
    for (const [id, bound] of left) {
      const next = {...keys, [id]: bound};
      if (conflictOf(actions, next) !== undefined) continue;
      keys = next;
      left.delete(id);
      isMoving = true;
    }
  }
  for (const [id, bound] of left) {
    const conflict = conflictOf(actions, {...keys, [id]: bound});
    if (conflict !== undefined) problems.push(text.settings.keepsKeys(conflict, id));
  }
  return keys;
}

function conflictOf(actions: readonly Action[], keys: KeyOverrides): string | undefined {
  const bound = rebind(actions, keys);
  try {
    for (const tab of [...TABS, 'fleet'] as const) buildKeymap(actionsIn(tab, bound));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function attempt<Result>(path: string, problems: string[], read: (path: string) => Result): Result | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return read(path);
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error(text.files.unreadable(path, error instanceof Error ? error.message : String(error)));
  }
}
