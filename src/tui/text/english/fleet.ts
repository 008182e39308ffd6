import {plural} from './plural.js';

/** The fleet: the top line, the list of machines, the fleet view. */
export const fleet = {
  noMachine: 'There is no machine yet.',
  noneThere: 'There is no machine.',
  noMatch: 'No machine matches the filter.',
  isGroup: (name: string) => `${name} is a group; go to one of its machines, or fold it out with z.`,
  tooNarrow: (columns: number) => `The screen is too narrow for the right pane; make it ${columns} columns wide.`,
  header: {
    place: (counts: string) => `local · ${counts}`,
    running: (count: number) => `${count} running`,
    paused: (count: number) => `${count} paused`,
    crashed: (count: number) => `${count} crashed`,
    total: (count: number) => `${count} total`,
    host: (cpu: string, used: string, total: string) => `host cpu ${cpu} mem ${used}/${total}`,
    recording: (name: string) => `rec ${name}`,
    jobs: (count: number) => `jobs ${count}`,
  },
  list: {
    title: 'Machines',
    marked: (count: number) => `${count} marked`,
    noMatch: 'No machine matches; Esc clears the filter.',
    group: (name: string, running: number, count: number) => `${name}  ${running} of ${count} run`,
  },
  /** Headings, of the list and of the table of the fleet view. */
  columns: {
    name: 'NAME',
    nameByAge: 'NAME by age',
    state: 'STATE',
    cpu: 'CPU',
    memory: 'MEM',
    disk: 'DISK/s',
    net: 'NET/s',
    interrupts: 'IRQ/s',
    mips: 'MIPS',
  },
  view: {
    all: (count: number) => `all ${count}`,
    up: (count: number) => `${count} up`,
    shown: (first: number, last: number, count: number) => `${first}–${last} of ${count}`,
    cpu: 'Host CPU',
    processors: (percent: string, count: number) => `${percent} of ${plural(count, 'processor')}`,
    memory: 'Host memory',
  },
};
