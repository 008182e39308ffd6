/** Actions on what is seen and where one is: the list with its order and marks, the tabs, how the screen is divided. */
export const viewActions = {
  arrange: {
    refusals: {
      narrow: (columns: number) =>
        `The screen is too narrow for anything but the list; make it ${columns} columns wide.`,
      allPane: 'The pane has all of the screen; _ shows the list again.',
      allList: 'The list has all of the screen; + shows the pane.',
    },
  },
  close: {help: 'Close what lies on top: dialog, message, marks, filter, wall; cancels a build on the first screen.'},
  filter: {
    hint: 'filter',
    help: 'Show only machines that match: letters of a name, state: tag: group: driver: image:, cpu>50, mem<1G, -not.',
    refusals: {none: 'There is no machine to look for.'},
  },
  fold: {
    help: 'Fold the group of the row, or unfold it.',
    refusals: {none: 'No machine is in a group; viv tag NAME --group GROUP puts it into one, b lists by state.'},
  },
  groupBy: {
    help: 'List the machines by another: their group, state, driver, or none.',
    done: {
      group: 'Listed by group.',
      state: 'Listed by state.',
      driver: 'Listed by driver.',
      none: 'Listed without headings.',
    },
  },
  mark: {help: 'Mark the machine, or all of a group; letters act on all that are marked.'},
  markAll: {help: 'Mark all machines that are listed; again takes the marks away.'},
  markOthers: {help: 'Turn the marks around: those that are listed and not marked.'},
  marks: {refusals: {none: 'There is no machine to mark.'}},
  menu: {
    help: 'A menu of what can be done with the machine, with the letters.',
    refusals: {none: 'There is no machine yet; Enter or n makes one.'},
  },
  moveDown: {help: 'Go to the machine below.'},
  moveFirst: {help: 'Go to the first machine.'},
  moveLast: {help: 'Go to the last machine.'},
  movePageDown: {help: 'Go down one page.'},
  movePageUp: {help: 'Go up one page.'},
  moveUp: {help: 'Go to the machine above.'},
  sort: {
    columns: {name: 'name', state: 'state', cpu: 'cpu', memory: 'memory', age: 'age'},
    done: (column: string) => `Sorted by ${column}.`,
  },
  sortNext: {help: 'Sort by another: name, state, CPU, memory, age.'},
  sortPrevious: {help: 'Sort the list by another column, to the left.'},
  sortReverse: {help: 'Turn the order of the list around.'},
  tabConfig: {help: 'Show what the machine is made of.'},
  tabConsole: {help: 'Show the console.'},
  tabDisks: {help: 'Show the disks and the images they are made of.'},
  tabGraphs: {help: 'Show the graphs: CPU, memory, disk, net, interrupts, MIPS.'},
  tabLog: {help: 'Show what happened to the machine.'},
  tabNet: {help: 'Show the network: connections, port forwards, packets.'},
  tabNext: {help: 'Go to the next tab.'},
  tabPrevious: {help: 'Go to the previous tab.'},
  tabTimeline: {help: 'Show the timeline: points to go back to.'},
  wall: {
    help: 'A wall of consoles, live: of the marked machines, else of those that run.',
    refusals: {none: 'No machine runs; mark some with Space, or start one with s.'},
  },
  zoomIn: {help: 'More room for the pane: list only, both, pane only.'},
  zoomOut: {help: 'More room for the list.'},
};
