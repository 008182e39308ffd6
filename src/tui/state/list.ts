/** The list of machines: in which order, under which headings, which rows are marked. */
import type {Machine, MachineState} from '../../manager/protocol/machine.js';
import type {Rect} from '../terminal/cells.js';
import {text} from '../text/text.js';
import {cpuOf, memoryOf, parseFilter} from './filter.js';
import {computeLayout, insideOfTile, type Layout, WALL_CONSOLES} from './layout.js';
import type {AppState} from './model.js';

/** What the list can be sorted by. */
export const SORT_COLUMNS = ['name', 'state', 'cpu', 'memory', 'age'] as const;
/** One of {@link SORT_COLUMNS}. */
export type SortColumn = (typeof SORT_COLUMNS)[number];

/** What machines can be listed under. Without a group a machine stands above all headings. */
export const GROUPINGS = ['group', 'state', 'driver', 'none'] as const;
/** One of {@link GROUPINGS}. */
export type Grouping = (typeof GROUPINGS)[number];

/** How the list is shown. Marks are ids of machines, folds names of groups. */
export interface ListView {
  readonly sort: SortColumn;
  readonly isReversed: boolean;
  readonly grouping: Grouping;
  readonly folded: ReadonlySet<string>;
  readonly marks: ReadonlySet<string>;
}

/** As it is shown at first. */
export const initialList: ListView = {
  sort: 'name',
  isReversed: false,
  grouping: 'group',
  folded: new Set(),
  marks: new Set(),
};

/** What changes it. */
export interface ListNews {
  readonly type: 'listChanged';
  readonly changes: Partial<ListView>;
}

/** A row: a machine, or the heading of a group. `id` is what `selectedId` holds. */
export type ListRow =
  | {readonly kind: 'machine'; readonly id: string; readonly machine: Machine}
  | {
      readonly kind: 'group';
      readonly id: string;
      readonly name: string;
      readonly machines: readonly Machine[];
      readonly isFolded: boolean;
    };

/** What an id of a group's heading begins with; machines' never do. */
const GROUP_PREFIX = 'group:';

/** The id of a group's heading. */
export function groupRowId(name: string): string {
  return GROUP_PREFIX + name;
}

const BY_NAME = new Intl.Collator('en', {numeric: true});
const STATE_ORDER: readonly MachineState[] = [
  'crashed',
  'broken',
  'running',
  'starting',
  'stopping',
  'saving',
  'paused',
  'saved',
  'defined',
];

/** The order of two machines by name, numbers by value. */
export function compareNames(a: Machine, b: Machine): number {
  return BY_NAME.compare(a.name, b.name) || (a.id < b.id ? -1 : 1);
}

type Compare = (a: Machine, b: Machine) => number;

function comparison(state: AppState): Compare {
  const {list, samples} = state;
  const newest = (machine: Machine) => samples.get(machine.id)?.at(-1);
  const by: Record<SortColumn, Compare> = {
    name: () => 0,
    state: (a, b) => STATE_ORDER.indexOf(a.state) - STATE_ORDER.indexOf(b.state),
    // The busiest, largest and newest first: that is what is looked for.
    cpu: (a, b) => cpuOf(b, newest(b)) - cpuOf(a, newest(a)),
    memory: (a, b) => memoryOf(b, newest(b)) - memoryOf(a, newest(a)),
    age: (a, b) => b.createdAtMs - a.createdAtMs,
  };
  const sign = list.isReversed ? -1 : 1;
  return (a, b) => sign * (by[list.sort](a, b) || compareNames(a, b));
}

/** The heading a machine stands under; none for the top of the list. */
function groupOf(machine: Machine, grouping: Grouping): string | undefined {
  if (grouping === 'group') return machine.labels?.group;
  if (grouping === 'state') return text.states.names[machine.state];
  return grouping === 'driver' ? machine.driver : undefined;
}

interface Listed {
  readonly machines: readonly Machine[];
  readonly rows: readonly ListRow[];
}

// The list is asked for several times a frame, and sorting 500 machines by their names takes a millisecond.
let remembered: {readonly key: readonly unknown[]; readonly listed: Listed} | undefined;

/** Machines the filter lets through and rows as they stand, computed once for as long as nothing they depend on changes. */
function listed(state: AppState): Listed {
  const {machines, filter, list, samples} = state;
  const isLive = list.sort === 'cpu' || list.sort === 'memory' || /cpu|mem/.test(filter);
  const {sort, isReversed, grouping, folded} = list;
  const key = [machines, filter, sort, isReversed, grouping, folded, isLive ? samples : undefined];
  if (remembered?.key.every((part, index) => part === key[index])) return remembered.listed;
  const {matches} = parseFilter(filter);
  const shown = machines.filter((machine) => matches(machine, samples.get(machine.id)?.at(-1))).sort(comparison(state));
  const result = {machines: shown, rows: rowsOf(shown, list)};
  remembered = {key, listed: result};
  return result;
}

function rowsOf(machines: readonly Machine[], {grouping, folded}: ListView): readonly ListRow[] {
  const groups = new Map<string, Machine[]>();
  const rows: ListRow[] = [];
  for (const machine of machines) {
    const name = groupOf(machine, grouping);
    if (name === undefined) rows.push({kind: 'machine', id: machine.id, machine});
    else {
      const members = groups.get(name) ?? [];
      members.push(machine);
      groups.set(name, members);
    }
  }
  for (const name of [...groups.keys()].sort(BY_NAME.compare)) {
    const members = groups.get(name) ?? [];
    const isFolded = folded.has(name);
    rows.push({kind: 'group', id: groupRowId(name), name, machines: members, isFolded});
    if (!isFolded) for (const machine of members) rows.push({kind: 'machine', id: machine.id, machine});
  }
  return rows;
}

/** Machines the filter lets through, in list order, those of folded groups too. */
export function visibleMachines(state: AppState): readonly Machine[] {
  return listed(state).machines;
}

/** The rows of the list. */
export function listRows(state: AppState): readonly ListRow[] {
  return listed(state).rows;
}

/** The highlighted row: the chosen one, else the first machine. */
export function selectedRow(state: AppState): ListRow | undefined {
  const rows = listRows(state);
  return rows.find(({id}) => id === state.selectedId) ?? rows.find(({kind}) => kind === 'machine') ?? rows[0];
}

/** The machines that are marked and can be seen in the list or its folded groups. */
export function markedMachines(state: AppState): readonly Machine[] {
  const {marks} = state.list;
  return marks.size === 0 ? [] : visibleMachines(state).filter(({id}) => marks.has(id));
}

/** What a letter acts on: the marked machines, else those of the highlighted row. */
export function targetMachines(state: AppState): readonly Machine[] {
  const marked = markedMachines(state);
  if (marked.length > 0) return marked;
  const row = selectedRow(state);
  if (row === undefined) return [];
  return row.kind === 'group' ? row.machines : [row.machine];
}

/** The first row that is shown of a list of `height` rows: it moves only as far as it must, with the selection in its middle. */
export function firstListRow(state: AppState, height: number): number {
  const rows = listRows(state);
  const index = rows.findIndex(({id}) => id === selectedRow(state)?.id);
  return Math.max(0, Math.min(index - Math.floor(height / 2), rows.length - height));
}

/** The machines of the wall: the marked ones, else those that run, in list order. */
export function wallMachines(state: AppState): readonly Machine[] {
  const marked = markedMachines(state);
  const chosen =
    marked.length > 0 ? marked : visibleMachines(state).filter(({state: is}) => is === 'running' || is === 'paused');
  return chosen.slice(0, WALL_CONSOLES);
}

/** Where the console of the highlighted machine hangs on the wall, if it does. */
export function wallRect(state: AppState): Rect | undefined {
  const at = wallMachines(state).findIndex(({id}) => id === selectedRow(state)?.id);
  const frame = layoutOf(state).wall[at];
  return frame && insideOfTile(frame);
}

/** Where everything lies now. */
export function layoutOf(state: AppState): Layout {
  const wallCount = state.arrangement === 'wall' ? wallMachines(state).length : 0;
  return computeLayout({...state, wallCount});
}
