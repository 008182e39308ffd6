import {plural} from './plural.js';

/** What is told where nothing is drawn, as things happen. */
export const speech = {
  welcome: 'Vivarium. Question mark tells the keys, q leaves.',
  noMachine: 'There is no machine yet. Press Enter to boot debian-mini.',
  firstRun: {
    starting: 'Starting.',
    looking: 'Looking for the image.',
    building: 'The image is built first; Escape cancels that.',
  },
  failed: (name: string, state: string, reason: string) => `${name}, ${state}. ${reason}`,
  notLive: (name: string, state: string) => `${name} is ${state}; Enter starts it.`,
  closed: 'Closed.',
  filter: {
    opened: 'Filter: type words, Enter keeps them, Escape clears them.',
    edited: (words: string) => `Filter: ${words}`,
    kept: (words: string) => `Filtered by ${words}.`,
    none: 'No filter.',
  },
  fleet: 'All machines in one table. Left and right sort it, Escape closes it.',
  reversed: 'Reversed order.',
  usualOrder: 'Usual order.',
  notArranged: 'Nothing is drawn here, so there is nothing to arrange.',
  marked: (count: number) => `${plural(count, 'machine is', 'machines are')} marked.`,
  tab: (label: string) => `${label}.`,
  noConsoles:
    'Consoles are not drawn here: y tells what one shows, Enter leads into it, and viv logs NAME has all that it printed.',
};
