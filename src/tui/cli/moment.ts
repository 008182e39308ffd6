import {parseDuration} from '../state/presenters/units.js';
import {UsageError} from './report-error.js';

/** A moment in a machine's life: a time, or a point that has a name. Units: milliseconds since 1970 */
export type Moment = {readonly kind: 'time'; readonly atMs: number} | {readonly kind: 'point'; readonly name: string};

const POINT = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const DAY_MS = 86_400_000;

/** Reads a moment: `-30s`, a local `14:03` or `14:03:20` of the last 24 hours, or a point's name. Errors: UsageError */
export function parseMoment(text: string, nowMs: number): Moment {
  const ago = text.startsWith('-') ? parseDuration(text.slice(1)) : undefined;
  if (ago !== undefined) return {kind: 'time', atMs: nowMs - ago};
  const [, hour, minute, second = '0'] = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(text) ?? [];
  if (hour !== undefined && Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60) {
    const today = new Date(nowMs).setHours(Number(hour), Number(minute), Number(second), 0);
    return {kind: 'time', atMs: today > nowMs ? today - DAY_MS : today};
  }
  if (POINT.test(text)) return {kind: 'point', name: text};
  throw new UsageError(
    `${JSON.stringify(text.slice(0, 80))} is no moment to go back to.`,
    'Give how long ago (-30s, -5m, -1h), a time (14:03, 14:03:20), or the name of a point.',
  );
}
