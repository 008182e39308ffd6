import {plural} from './plural.js';

/** A session as a whole: its beginning and end, its link to the manager, and the line at the bottom. */
export const session = {
  stillStarting: 'The manager is still starting; try again in a moment.',
  slow: 'The manager takes long to answer.',
  slowHint: 'Wait, or leave with q; viv doctor and the daemon log say more.',
  isBack: 'The manager is back.',
  farewell: (count: number) =>
    `${plural(count, 'machine keeps', 'machines keep')} running; viv shows ${count === 1 ? 'it' : 'them'} again.`,
  killed: 'viv was killed; machines keep running, and viv shows them again.',
  leadsBack: 'Enter leads back to the machines.',
  buildCancelled: 'The build was cancelled.',
  consoleHints: {leave: 'leave the console (twice sends it)', chords: 'search, copy, all chords', scroll: 'scroll'},
  filterKeys: 'Enter keeps it · Esc clears it · state: tag: group: cpu>50 -not',
  questionWaits: (notice: string) => `${notice} · Ctrl-] leads to the question`,
};
