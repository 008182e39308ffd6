/** Which of the two front ends shows the UI: the one that draws, or the one that tells lines to a screen reader. */
import {SPOKEN_OPTION} from '../cli/spoken-option.js';
import {readPreferences} from './preferences.js';
import {settingsFolder} from './settings.js';

/** True when lines are asked for: by the option, else by `VIV_SCREEN_READER` (0 says no), else by the person's preference. */
export function wantsSpoken(args: readonly string[], env: NodeJS.ProcessEnv): boolean {
  if (args.includes(SPOKEN_OPTION)) return true;
  const told = env['VIV_SCREEN_READER'] ?? '';
  return told === '' ? readPreferences(settingsFolder(env)).isSpoken : told !== '0';
}
