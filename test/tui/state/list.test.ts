import {describe, expect, test} from 'vitest';
import type {Machine} from '../../../src/manager/protocol/machine.js';
import type {AppEvent} from '../../../src/tui/state/events.js';
import {parseFilter} from '../../../src/tui/state/filter.js';
import {
  listRows,
  markedMachines,
  selectedRow,
  targetMachines,
  visibleMachines,
  wallMachines,
} from '../../../src/tui/state/list.js';
import {type AppState, initialState} from '../../../src/tui/state/model.js';
import {reduce} from '../../../src/tui/state/reducer.js';
import {selectedMachine} from '../../../src/tui/state/selectors.js';
import {fakeMachine} from '../../support/fake-fleet.js';

const web = (name: string, changes: Partial<Machine> = {}) =>
  fakeMachine(name, 'running', {labels: {group: 'web', tags: ['eu', 'front']}, ...changes});

function stateOf(machines: readonly Machine[], ...events: AppEvent[]): AppState {
  const loaded: AppEvent = {type: 'fleetLoaded', fleetSeq: 1, jobs: [], machines};
  return [loaded, ...events].reduce(reduce, initialState({columns: 120, rows: 35}, 0));
}

const change = (changes: Extract<AppEvent, {type: 'listChanged'}>['changes']): AppEvent => ({
  type: 'listChanged',
  changes,
});
const ids = (state: AppState) => listRows(state).map(({id}) => id);

function sampled(
  ...shares: readonly (readonly [name: string, cpuPercent: number, memoryTouchedBytes: number])[]
): AppEvent {
  const zero = {residentBytes: 1, diskReadBytes: 0, diskWrittenBytes: 0, netReceivedBytes: 0, netSentBytes: 0};
  return {
    type: 'sampled',
    host: {atMs: 1, cpuPercent: 1, coreCount: 2, memoryUsedBytes: 1, memoryTotalBytes: 2},
    machines: shares.map(([name, cpuPercent, memoryTouchedBytes]) => ({
      ...zero,
      ...{machineId: `id-${name}`, atMs: 1, instructionsPerSecond: 1, cpuPercent, memoryTouchedBytes},
    })),
  };
}

describe('a filter', () => {
  const fleet = [web('web-1'), web('web-2', {state: 'paused'}), fakeMachine('db', 'defined', {driver: 'qemu'})];
  const names = (text: string) =>
    fleet.filter((machine) => parseFilter(text).matches(machine, undefined)).map(({name}) => name);

  test.each([
    ['', ['web-1', 'web-2', 'db']],
    ['wb', ['web-1', 'web-2']],
    ['state:pau', ['web-2']],
    ['state:off', ['db']],
    ['tag:fro', ['web-1', 'web-2']],
    ['group:web -state:paused', ['web-1']],
    ['!tag:eu', ['db']],
    ['driver:qemu', ['db']],
    ['image:debian', ['web-1', 'web-2', 'db']],
    ['DB', ['db']],
  ])('%j lets %j through', (text, expected) => expect(names(text)).toEqual(expected));

  test('compares CPU and memory of what runs', () => {
    const state = stateOf(
      [web('a'), web('b'), fakeMachine('c', 'defined')],
      sampled(['a', 90, 2 ** 30], ['b', 3, 2 ** 20]),
    );
    const passing = (filter: string) =>
      visibleMachines(reduce(state, {type: 'filterEdited', text: filter})).map(({name}) => name);
    expect(passing('cpu>50')).toEqual(['a']);
    expect(passing('mem>512M')).toEqual(['a']);
    expect(passing('mem<1G state:run')).toEqual(['b']);
  });

  test.each([
    ['colour:red', 'There is no colour: to filter by'],
    ['cpu>lots', 'Compare cpu with percent'],
    ['mem<cows', 'Compare mem with a size'],
  ])('says what is wrong with %j, and goes by the rest', (text, problem) => {
    expect(parseFilter(text).problem).toContain(problem);
    expect(names(`${text} wb`)).toEqual(['web-1', 'web-2']);
  });
});

describe('the order', () => {
  const fleet = [fakeMachine('a', 'running'), fakeMachine('b', 'paused'), fakeMachine('c', 'running')];
  test.each([
    ['name', false, ['a', 'b', 'c']],
    ['name', true, ['c', 'b', 'a']],
    ['state', false, ['a', 'c', 'b']],
    ['cpu', false, ['c', 'a', 'b']],
    ['memory', false, ['b', 'c', 'a']],
  ] as const)('by %s, reversed %s', (sort, isReversed, expected) => {
    const news = sampled(['a', 5, 1], ['b', 99, 9], ['c', 50, 5]);
    const state = stateOf(fleet, news, change({sort, isReversed}));
    expect(visibleMachines(state).map(({name}) => name)).toEqual(expected);
  });
});

describe('groups', () => {
  const fleet = [web('w-1'), web('w-2'), fakeMachine('alone', 'defined')];

  test('stand under their headings, machines without one above them', () => {
    expect(ids(stateOf(fleet))).toEqual(['id-alone', 'group:web', 'id-w-1', 'id-w-2']);
    expect(ids(stateOf(fleet, change({grouping: 'none'})))).toEqual(['id-alone', 'id-w-1', 'id-w-2']);
    expect(ids(stateOf(fleet, change({grouping: 'state'})))).toEqual([
      ...['group:off', 'id-alone', 'group:running', 'id-w-1', 'id-w-2'],
    ]);
  });

  test('that are folded up take the highlight from their machines, and letters act on all of them', () => {
    const state = stateOf(fleet, {type: 'machineSelected', id: 'id-w-2'}, change({folded: new Set(['web'])}));
    expect(ids(state)).toEqual(['id-alone', 'group:web']);
    expect(selectedRow(state)?.id).toBe('group:web');
    expect(selectedMachine(state)).toBeUndefined();
    expect(targetMachines(state).map(({name}) => name)).toEqual(['w-1', 'w-2']);
  });

  test('leave the highlight to a machine that a filter looks for', () => {
    const found = (text: string, at = 'id-alone') =>
      selectedRow(stateOf(fleet, {type: 'machineSelected', id: at}, {type: 'filterEdited', text}))?.id;
    expect(found('w-')).toBe('id-w-1');
    expect(found('w-', 'id-w-2')).toBe('id-w-2');
    expect(found('w-', 'group:web')).toBe('id-w-1');
    expect(found('nothing like it')).toBeUndefined();
  });

  test('no heading is highlighted before somebody goes there', () => {
    expect(selectedRow(stateOf([web('w-1')]))?.id).toBe('id-w-1');
  });
});

describe('marks', () => {
  const fleet = [web('w-1'), web('w-2', {state: 'paused'}), fakeMachine('db', 'defined')];

  test('are what letters act on, but never beyond the filter', () => {
    const state = stateOf(fleet, change({marks: new Set(['id-db', 'id-w-2', 'id-gone'])}));
    expect(targetMachines(state).map(({name}) => name)).toEqual(['db', 'w-2']);
    expect(markedMachines(reduce(state, {type: 'filterEdited', text: 'db'})).map(({name}) => name)).toEqual(['db']);
  });

  test('go with a machine that is removed', () => {
    const state = stateOf(fleet, change({marks: new Set(['id-db'])}), {type: 'machineRemoved', seq: 2, id: 'id-db'});
    expect(state.list.marks.size).toBe(0);
  });

  test('choose what hangs on the wall; without any it is what runs', () => {
    expect(wallMachines(stateOf(fleet)).map(({name}) => name)).toEqual(['w-1', 'w-2']);
    expect(wallMachines(stateOf(fleet, change({marks: new Set(['id-db'])}))).map(({name}) => name)).toEqual(['db']);
  });
});

test('500 machines are listed once for many questions', () => {
  const state = stateOf(Array.from({length: 500}, (_, index) => web(`m-${index}`)));
  expect(listRows(state)).toBe(listRows({...state, nowMs: 5, selectedId: 'id-m-3'}));
});
