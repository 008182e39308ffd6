import {esc, type Journey, key, refused, row, type} from '../../support/journey.js';

const twelve = Array.from({length: 12}, (_, index) => `m-${String(index + 1).padStart(2, '0')}:defined`).join(',');

/** Keys of the list and of how it shares the screen. */
export const listJourneys: Readonly<Record<string, Journey>> = {
  'moving in the list': {
    fleet: twelve,
    size: {columns: 80, rows: 13},
    begins: row('m-01'),
    steps: [
      key('list.down', 'j', row('m-02')),
      key('list.down', 'down', row('m-03')),
      key('list.up', 'k', row('m-02')),
      key('list.up', 'up', row('m-01')),
      key('list.pageDown', 'pagedown', row('m-08')),
      key('list.pageUp', 'pageup', row('m-01')),
      key('list.last', 'G', row('m-12')),
      key('list.first', 'g', row('m-01')),
      key('list.last', 'end', row('m-12')),
      key('list.first', 'home', row('m-01')),
      refused('list.fold', 'z', 'No machine is in a group; viv tag NAME --group GROUP'),
    ],
  },
  'marks, order and filter': {
    fleet: 'alone:defined,w-1:running:web,w-2:paused:web',
    begins: row('alone'),
    steps: [
      key('list.mark', 'space', 'Machines · 1 marked'),
      key('list.markAll', 'ctrl-a', 'Machines · 3 marked'),
      key('list.markOthers', '*', {gone: 'marked'}),
      key('list.mark', 'space', 'Machines · 2 marked'),
      refused('machine.clone', 'C', 'None of 2 machines can: w-1 is running.'),
      key('view.close', 'esc', {gone: 'marked'}),
      key('list.fold', 'z', '+ web  1 of 2 run'),
      key('list.sortNext', '>', 'STATE↓'),
      key('list.sortReverse', '=', 'STATE↑'),
      key('list.sortPrevious', '<', 'NAME↑'),
      key('list.groupBy', 'b', '- running  1 of 1 run'),
      key('list.filter', '/', 'Enter keeps it'),
      type('alo', {gone: 'w-1'}),
      type('\r', {gone: 'Enter keeps it'}),
      key('view.close', 'esc', {gone: 'Listed by state.'}),
      key('view.close', 'esc', 'w-1'),
    ],
  },
  'list, pane and wall': {
    fleet: 'alpha:running,beta:running,off:defined',
    begins: 'alpha  ● running',
    steps: [
      key('view.zoomOut', '_', {gone: '1 Console'}),
      refused('view.zoomOut', '_', 'The list has all of the screen; + shows the pane.'),
      key('view.zoomIn', '+', '1 Console'),
      key('view.zoomIn', '+', {gone: 'Machines'}),
      refused('view.zoomIn', '+', 'The pane has all of the screen; _ shows the list again.'),
      key('view.close', 'esc', 'Machines'),
      key('view.wall', 'W', 'Enter types into it'),
      key('view.wall', 'W', 'Machines'),
      key('list.last', 'G', row('off')),
      key('console.fullscreen', 'c', 'leaves (twice sends it)'),
      type('\x1d', 'Machines'),
    ],
  },
  'a wall of nothing': {
    fleet: 'alpha:defined',
    begins: 'alpha  ○ off',
    steps: [refused('view.wall', 'W', 'No machine runs; mark some with Space, or start one with s.')],
  },
  'a narrow screen': {
    fleet: 'alpha:running',
    size: {columns: 50, rows: 20},
    begins: row('alpha'),
    steps: [
      ...(
        [
          ['tab.console', '1'],
          ['tab.graphs', '2'],
          ['tab.timeline', '3'],
          ['tab.net', '4'],
          ['tab.disks', '5'],
          ['tab.log', '6'],
          ['tab.config', '7'],
          ['tab.next', 'tab'],
          ['tab.previous', 'shift-tab'],
        ] as const
      ).map(([id, name]) => refused(id, name, 'The screen is too narrow for the right pane')),
      ...(
        [
          ['view.zoomIn', '+'],
          ['view.zoomOut', '_'],
          ['view.wall', 'W'],
        ] as const
      ).map(([id, name]) => refused(id, name, 'The screen is too narrow for anything')),
      refused('console.search', 'F', 'The console is not on the screen'),
      key('machine.menu', 'm', 'Force the machine off'),
      esc('Force the machine off'),
    ],
  },
};
