import * as z from 'zod';
import type {KeyScope} from '../state/graphs.js';
import {text} from '../text/text.js';
import type {Action} from './action.js';

const overridesSchema = z.record(z.string(), z.array(z.string().min(1).max(32)).max(8));

/** Keys by action id, as in configs/keymap.json. */
export type KeyOverrides = Readonly<Record<string, readonly string[]>>;

/** Which action a key runs. */
export type Keymap = ReadonlyMap<string, Action>;

/** Validates the content of a keymap file. Errors: throws with one sentence that names what is wrong */
export function parseKeyOverrides(content: unknown, actions: readonly Action[]): KeyOverrides {
  const parsed = overridesSchema.safeParse(content);
  if (!parsed.success) throw new Error(text.settings.notKeymap(z.prettifyError(parsed.error)));
  const unknown = Object.keys(parsed.data).find((id) => !actions.some((action) => action.id === id));
  if (unknown !== undefined) throw new Error(text.settings.unknownAction(unknown));
  return parsed.data;
}

/** The actions with the keys of the overrides. */
export function rebind(actions: readonly Action[], overrides: KeyOverrides): readonly Action[] {
  return actions.map((action) => ({...action, keys: overrides[action.id] ?? action.keys}));
}

/** The actions that can be reached in a tab, those of the tab first; the others without the keys that it has for itself. */
export function actionsIn(tab: KeyScope, actions: readonly Action[]): readonly Action[] {
  const own = actions.filter((action) => action.tab === tab);
  const taken = new Set(own.flatMap(({keys}) => keys));
  const others = actions.filter((action) => action.tab === undefined);
  return [...own, ...others.map((action) => ({...action, keys: action.keys.filter((key) => !taken.has(key))}))];
}

/** Makes the lookup table. Errors: throws when one key is bound to two actions */
export function buildKeymap(actions: readonly Action[]): Keymap {
  const map = new Map<string, Action>();
  for (const action of actions) {
    for (const key of action.keys) {
      const other = map.get(key);
      if (other) throw new Error(text.settings.boundTwice(key, other.id, action.id));
      map.set(key, action);
    }
  }
  return map;
}

const NAMES: Readonly<Record<string, string>> = {
  up: '↑',
  down: '↓',
  left: '←',
  right: '→',
  pageup: 'PgUp',
  pagedown: 'PgDn',
  home: 'Home',
  end: 'End',
  enter: 'Enter',
  esc: 'Esc',
  tab: 'Tab',
  'shift-tab': 'Shift-Tab',
  space: 'Space',
};

/** A key as people write it: `↑`, `PgUp`, `Ctrl-c`, `G`. */
export function keyLabel(key: string): string {
  const known = NAMES[key];
  if (known !== undefined) return known;
  if (/^f\d+$/.test(key)) return key.toUpperCase();
  const [prefix] = /^(ctrl|alt|shift)-/.exec(key) ?? [];
  if (prefix === undefined) return key;
  const plain = key.slice(prefix.length);
  return `${prefix.charAt(0).toUpperCase()}${prefix.slice(1)}${NAMES[plain] ?? plain}`;
}
