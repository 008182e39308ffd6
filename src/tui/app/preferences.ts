/**
 * What the UI remembers of how a person likes it. Read by a few lines of our own, since `conf`, which writes it, takes 0.1 s
 * to load: only when something has changed.
 */
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import * as z from 'zod';
import {ARRANGEMENTS} from '../state/layout.js';
import {GROUPINGS, SORT_COLUMNS} from '../state/list.js';
import type {AppState} from '../state/model.js';
import {THEME_NAMES} from '../theme.js';

const preferencesSchema = z.object({
  theme: z.enum(THEME_NAMES).optional().catch(undefined),
  sort: z.enum(SORT_COLUMNS).catch('name'),
  isReversed: z.boolean().catch(false),
  grouping: z.enum(GROUPINGS).catch('group'),
  arrangement: z.enum(ARRANGEMENTS).catch('split'),
  listWidth: z.number().int().min(1).max(1000).optional().catch(undefined),
  isMouseOn: z.boolean().catch(true),
  isSpoken: z.boolean().catch(false),
});
/** See the module. A value that makes no sense is as if it were not there. */
export type Preferences = z.output<typeof preferencesSchema>;

const FILE_NAME = 'preferences';
const WRITE_DELAY_MS = 500;

/** Reads the preferences in a folder. A file that is not there or cannot be understood is as good as none: it is only taste. */
export function readPreferences(folder: string): Preferences {
  try {
    return preferencesSchema.parse(JSON.parse(readFileSync(join(folder, `${FILE_NAME}.json`), 'utf8')));
  } catch {
    return preferencesSchema.parse({});
  }
}

/** The state as someone with these preferences begins. The wall is nothing to begin with: it depends on what runs. */
export function withPreferences(state: AppState, preferences: Preferences): AppState {
  const {sort, isReversed, grouping, arrangement, listWidth, isMouseOn, isSpoken, theme} = preferences;
  const list = {...state.list, sort, isReversed, grouping};
  const begun = arrangement === 'wall' ? 'split' : arrangement;
  return {...state, list, arrangement: begun, listWidth, isMouseOn, isSpoken, ...(theme === undefined ? {} : {theme})};
}

function preferencesOf({list, arrangement, listWidth, isMouseOn, isSpoken, theme}: AppState): Preferences {
  const {sort, isReversed, grouping} = list;
  return {
    sort,
    isReversed,
    grouping,
    arrangement,
    isMouseOn,
    isSpoken,
    theme,
    ...(listWidth === undefined ? {} : {listWidth}),
  };
}

/** Writes preferences when they have changed, a moment later. */
export class PreferenceWriter implements AsyncDisposable {
  private readonly folder: string;
  private readonly failed: (error: unknown) => void;
  private written: string;
  private wanted: Preferences;
  private timer: NodeJS.Timeout | undefined;

  constructor(folder: string, state: AppState, failed: (error: unknown) => void) {
    this.folder = folder;
    this.failed = failed;
    this.wanted = preferencesOf(state);
    this.written = JSON.stringify(this.wanted);
  }

  /** Takes note of a state. */
  follow(state: AppState): void {
    this.wanted = preferencesOf(state);
    if (this.timer === undefined && JSON.stringify(this.wanted) !== this.written)
      this.timer = setTimeout(() => void this.write(), WRITE_DELAY_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.write();
  }

  private async write(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const text = JSON.stringify(this.wanted);
    if (text === this.written) return;
    this.written = text;
    try {
      const {default: Conf} = await import('conf');
      const store = new Conf<Record<string, unknown>>({
        cwd: this.folder,
        configName: FILE_NAME,
        clearInvalidConfig: true,
        configFileMode: 0o600,
      });
      store.store = JSON.parse(text);
    } catch (error) {
      this.failed(error);
    }
  }
}
