import {describe, expect, test} from 'vitest';
import type {AppEvent} from '../../../src/tui/state/events.js';
import {visibleMachines} from '../../../src/tui/state/list.js';
import {type AppState, initialState, SAMPLES_SHOWN, unanswered} from '../../../src/tui/state/model.js';
import {reduce} from '../../../src/tui/state/reducer.js';
import {chosenPoint, selectedMachine, selectedTimeline} from '../../../src/tui/state/selectors.js';
import {fakeMachine} from '../../support/fake-fleet.js';

function stateAfter(...events: AppEvent[]): AppState {
  return events.reduce(reduce, initialState({columns: 120, rows: 35}, 0));
}

const loaded = (...names: string[]): AppEvent => ({
  type: 'fleetLoaded',
  fleetSeq: 1,
  jobs: [],
  machines: names.map((name) => fakeMachine(name, 'running')),
});

const sample = (machineId: string, atMs: number) => ({
  machineId,
  atMs,
  cpuPercent: 1,
  instructionsPerSecond: 1,
  memoryTouchedBytes: 1,
  residentBytes: 1,
  diskReadBytes: 0,
  diskWrittenBytes: 0,
  netReceivedBytes: 0,
  netSentBytes: 0,
});
const host = (atMs: number) => ({atMs, cpuPercent: 1, coreCount: 2, memoryUsedBytes: 1, memoryTotalBytes: 2});

describe('the list', () => {
  test('is sorted by name, numbers by value', () => {
    expect(stateAfter(loaded('web-10', 'web-9', 'db')).machines.map(({name}) => name)).toEqual([
      'db',
      'web-9',
      'web-10',
    ]);
  });

  test('keeps the highlighted machine when others come, go or are renamed', () => {
    const state = stateAfter(
      loaded('a', 'b', 'c'),
      {type: 'machineSelected', id: 'id-b'},
      {type: 'machineChanged', seq: 2, machine: fakeMachine('aa', 'defined')},
      {type: 'machineRemoved', seq: 3, id: 'id-a'},
      {type: 'machineChanged', seq: 4, machine: {...fakeMachine('zz', 'running'), id: 'id-b'}},
    );
    expect(selectedMachine(state)?.name).toBe('zz');
    expect(state.fleetSeq).toBe(4);
  });

  test('highlights the neighbour of a machine that was removed', () => {
    const removedMiddle = stateAfter(
      loaded('a', 'b', 'c'),
      {type: 'machineSelected', id: 'id-b'},
      {type: 'machineRemoved', seq: 2, id: 'id-b'},
    );
    expect(selectedMachine(removedMiddle)?.name).toBe('c');
    const removedLast = stateAfter(
      loaded('a', 'b', 'c'),
      {type: 'machineSelected', id: 'id-c'},
      {type: 'machineRemoved', seq: 2, id: 'id-c'},
    );
    expect(selectedMachine(removedLast)?.name).toBe('b');
    expect(selectedMachine(stateAfter(loaded('a'), {type: 'machineRemoved', seq: 2, id: 'id-a'}))).toBeUndefined();
  });

  test('stops at its ends', () => {
    const state = stateAfter(loaded('a', 'b', 'c'), {type: 'selectionMoved', by: 100});
    expect(selectedMachine(state)?.name).toBe('c');
    expect(selectedMachine(reduce(state, {type: 'selectionMoved', by: -100}))?.name).toBe('a');
  });

  test('filters by letters in order and by state', () => {
    const fleet = [fakeMachine('web-1', 'running'), fakeMachine('web-2', 'paused'), fakeMachine('db', 'running')];
    const names = (filter: string) =>
      visibleMachines(
        stateAfter({type: 'fleetLoaded', fleetSeq: 1, jobs: [], machines: fleet}, {type: 'filterEdited', text: filter}),
      ).map(({name}) => name);
    expect(names('w2')).toEqual(['web-2']);
    expect(names('state:run')).toEqual(['db', 'web-1']);
    expect(names('state:run web')).toEqual(['web-1']);
    expect(names('nothing')).toEqual([]);
  });
});

describe('the keyboard', () => {
  const watching = [loaded('a', 'b'), {type: 'focusMoved', focus: 'console'}] as const;

  test('goes back to the list when the guest it was given to ends', () => {
    const ended: AppEvent = {type: 'machineChanged', seq: 2, machine: fakeMachine('a', 'crashed')};
    expect(stateAfter(...watching, ended).focus).toBe('list');
  });

  test('stays with its guest when another one ends', () => {
    const ended: AppEvent = {type: 'machineChanged', seq: 2, machine: fakeMachine('b', 'crashed')};
    expect(stateAfter(...watching, ended).focus).toBe('console');
  });

  test('stays with a machine that is about to start', () => {
    const state = stateAfter(
      {type: 'fleetLoaded', fleetSeq: 1, jobs: [], machines: [fakeMachine('a', 'defined')]},
      {type: 'focusMoved', focus: 'console'},
      {type: 'machineChanged', seq: 2, machine: fakeMachine('a', 'starting')},
    );
    expect(state.focus).toBe('console');
  });

  test('a question about a machine goes away with the machine', () => {
    const state = stateAfter(
      loaded('a', 'b'),
      {
        type: 'overlayShown',
        overlay: unanswered({token: 't', machineIds: ['id-a'], title: '', question: '', yesLabel: ''}),
      },
      {type: 'machineRemoved', seq: 2, id: 'id-a'},
    );
    expect(state.overlay).toBeUndefined();
  });
});

describe('samples', () => {
  test('are kept for two minutes and once each', () => {
    const events = Array.from(
      {length: SAMPLES_SHOWN + 50},
      (_, second): AppEvent => ({type: 'sampled', host: host(second), machines: [sample('id-a', second + 1)]}),
    );
    const state = stateAfter(loaded('a'), ...events, events.at(-1)!);
    expect(state.samples.get('id-a')).toHaveLength(SAMPLES_SHOWN);
    expect(state.samples.get('id-a')?.at(-1)?.atMs).toBe(SAMPLES_SHOWN + 50);
  });

  test('go with their machine', () => {
    const state = stateAfter(
      loaded('a'),
      {type: 'sampled', host: host(1), machines: [sample('id-a', 1)]},
      {type: 'machineRemoved', seq: 2, id: 'id-a'},
    );
    expect(state.samples.size).toBe(0);
  });
});

test('a toast that was replaced does not take its successor with it', () => {
  const toast = (id: number) => ({type: 'toasted', toast: {id, tone: 'info', text: String(id)}}) as const;
  expect(stateAfter(toast(1), toast(2), {type: 'toastExpired', id: 1}).toast?.text).toBe('2');
});

describe('the timeline', () => {
  const timeline = (machineId: string, ...ids: number[]): AppEvent => ({
    type: 'timelineLoaded',
    timeline: {
      machineId,
      settings: {isEnabled: true, intervalMs: 1, budgetBytes: 1, maxCount: 1, usedBytes: 0},
      points: ids.map((id) => ({
        ...{id: `p${id}`, name: `auto-${id}`, kind: 'checkpoint', createdAtMs: id, isCurrent: false, pausedMs: 0},
        ...{memoryBytes: 1, hartCount: 1, fileBytes: 1, touchedBytes: 1, screenSize: {columns: 80, rows: 24}},
      })),
      broken: [],
    },
  });
  const moved = (by: number): AppEvent => ({type: 'pointMoved', by});
  const chosen = (...events: AppEvent[]) => chosenPoint(stateAfter(loaded('a', 'b'), ...events))?.id;

  test('shows the newest point, and goes on showing the newest', () => {
    expect(chosen()).toBeUndefined();
    expect(chosen(timeline('id-a', 1, 2))).toBe('p2');
    expect(chosen(timeline('id-a', 1, 2), timeline('id-a', 1, 2, 3))).toBe('p3');
    expect(chosen(timeline('id-a', 1, 2), moved(-1), moved(1), timeline('id-a', 1, 2, 3))).toBe('p3');
  });

  test('stays at the point that was chosen, and at the next newer one when it goes', () => {
    expect(chosen(timeline('id-a', 1, 2, 3), moved(-1), timeline('id-a', 1, 2, 3, 4))).toBe('p2');
    expect(chosen(timeline('id-a', 1, 2, 3), moved(-1), timeline('id-a', 1, 3, 4))).toBe('p3');
    expect(chosen(timeline('id-a', 1, 2, 3), moved(-9))).toBe('p1');
    expect(chosen(timeline('id-a'), moved(-1))).toBeUndefined();
  });

  test('is that of the highlighted machine only', () => {
    const elsewhere = stateAfter(loaded('a', 'b'), timeline('id-a', 1), {type: 'machineSelected', id: 'id-b'});
    expect(selectedTimeline(elsewhere)).toBeUndefined();
    expect(chosenPoint(elsewhere)).toBeUndefined();
    expect(chosen(timeline('id-b', 5), timeline('id-a', 1, 2))).toBe('p2');
  });
});
