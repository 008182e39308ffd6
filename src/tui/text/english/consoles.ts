import {plural} from './plural.js';

/** What is typed into a console at once. */
interface Paste {
  readonly lines: number;
  readonly size: string;
  readonly controls: number;
  readonly machine: string;
}

/** Where one is in what was printed; `found` says what was searched. */
interface CopyPlace {
  readonly line: number;
  readonly lines: number;
  readonly found: string | undefined;
  readonly isOutdated: boolean;
  readonly isSelecting: boolean;
}

const news = (isOutdated: boolean) => (isOutdated ? ' · new output below' : '');

/** Consoles: looking back, chords, pastes, and the borders of those that have a place of their own. */
export const consoles = {
  leaves: 'leaves (twice sends it)',
  leadsTo: (question: string) => `leads to the question: ${question}`,
  wall: {leave: 'Ctrl-] leaves', type: 'Enter types into it'},
  scrolled: (below: number, lines: number, isOutdated: boolean) =>
    `↑ ${below} of ${lines} lines back${news(isOutdated)} · Shift-PgUp Shift-PgDn scroll · any key returns`,
  copying: ({line, lines, found, isOutdated, isSelecting}: CopyPlace) =>
    [
      `copy mode · line ${line} of ${lines}`,
      found === undefined ? '' : ` · ${found}`,
      news(isOutdated),
      isSelecting ? ' · y copies · Esc unselects' : ' · v V select · y copies · / n N search · Esc leaves',
    ].join(''),
  /** `at` counts from 1. */
  found: (at: number, count: number) => (count === 0 ? 'not found' : `${at} of ${count} found`),
  chords: {
    title: 'In a console',
    leaveOrSend: 'leave the console; twice sends it to the guest',
    leave: 'leave the console',
    search: 'search in what was printed',
    copy: 'copy mode: keys move, select and copy',
    list: 'this list',
    sendTilde: 'send one ~ to the guest',
    scroll: 'scroll back; Shift-PgDn forward, any key returns',
  },
  paste: {
    title: 'Paste',
    yes: 'Type it',
    question: ({lines, size, controls, machine}: Paste) =>
      `Type ${plural(lines, 'line')} (${size}${controls === 0 ? '' : `, ${plural(controls, 'control byte')}`}) into ${machine}?`,
    more: (lines: number) => `… ${lines} more`,
  },
};
