import {esc, type Journey, key, row, type} from '../../support/journey.js';

/** Keys of the program as a whole, and of the fleet view. */
export const programJourneys: Readonly<Record<string, Journey>> = {
  'help, palette and settings': {
    fleet: 'alpha:running',
    begins: 'alpha  ● running',
    steps: [
      key('program.help', '?', 'Keys in Console'),
      esc('Keys in Console'),
      key('program.help', 'f1', 'Keys in Console'),
      type('x', {gone: 'Keys in Console'}),
      key('program.palette', ':', 'What to do'),
      esc('What to do'),
      key('program.palette', 'ctrl-p', 'What to do'),
      esc('What to do'),
      key('program.activity', 'l', 'No job is running.'),
      esc('No job is running.'),
      key('program.theme', 'ctrl-t', 'Theme: light.'),
      key('program.mouse', 'M', 'M turns it on again.'),
      key('program.speech', 'f8', 'F8 takes that back.'),
      key('program.speech', 'f8', 'From the next start on viv draws its screen.'),
    ],
  },
  'the fleet view': {
    fleet: Array.from({length: 60}, (_, index) => `m-${index + 1}:running`).join(','),
    size: {columns: 100, rows: 30},
    begins: row('m-1'),
    steps: [
      key('fleet.view', 'v', {highlighted: 'm-1'}),
      key('fleet.down', 'j', {highlighted: 'm-2'}),
      key('fleet.down', 'down', {highlighted: 'm-3'}),
      key('fleet.up', 'k', {highlighted: 'm-2'}),
      key('fleet.up', 'up', {highlighted: 'm-1'}),
      key('fleet.pageDown', 'pagedown', {highlighted: 'm-19'}),
      key('fleet.pageUp', 'pageup', {highlighted: 'm-1'}),
      key('fleet.sortNext', 'right', {highlighted: 'MEM'}),
      key('fleet.sortNext', 'l', {highlighted: 'DISK/s'}),
      key('fleet.sortPrevious', 'left', {highlighted: 'MEM'}),
      key('fleet.sortPrevious', 'h', {highlighted: 'CPU'}),
      key('fleet.close', 'esc', 'Machines'),
      key('fleet.view', 'v', {highlighted: 'm-1'}),
      key('fleet.open', 'enter', 'CPU %'),
    ],
  },
};
