import {expect, test} from 'vitest';
import type {MachineSample} from '../../../src/manager/protocol/metrics.js';
import {type AppState, initialState} from '../../../src/tui/state/model.js';
import {stateCounts} from '../../../src/tui/state/presenters/fleet-states.js';
import {
  fleetCells,
  fleetColumns,
  fleetEntries,
  sumCells,
  sumOfLoads,
} from '../../../src/tui/state/presenters/fleet-table.js';
import {fleetNeighbour, fleetView} from '../../../src/tui/state/presenters/fleet-view.js';
import {fakeMachine} from '../../support/fake-fleet.js';
import {steadySample} from '../../support/fake-metrics.js';

const rates = {netReceivedBytes: 0, netSentBytes: 0, diskReadBytes: 0, diskWrittenBytes: 0};
const sample = (name: string, changes: Partial<MachineSample>): [string, MachineSample] => [
  `id-${name}`,
  {...steadySample(`id-${name}`, 0), cpuPercent: 0, memoryTouchedBytes: 0, ...changes},
];
const newest = new Map([
  sample('a', {cpuPercent: 10, memoryTouchedBytes: 3 * 2 ** 20}),
  sample('b', {cpuPercent: 90, rates: {...rates, diskReadBytes: 1024}}),
  sample('c', {cpuPercent: 50, rates: {...rates, netSentBytes: 2048, interrupts: 1500}}),
  sample('off', {cpuPercent: 99}),
]);
const machines = [
  fakeMachine('a', 'running'),
  fakeMachine('b', 'running'),
  fakeMachine('c', 'paused'),
  fakeMachine('off', 'defined'),
];
const get = (id: string) => newest.get(id);
const names = (order: 'cpu' | 'memory' | 'disk' | 'net') =>
  fleetEntries(machines, get, order).map(({machine}) => machine.name);

test('machines are sorted by what they take, and those that do not run come last', () => {
  expect(names('cpu')).toEqual(['b', 'c', 'a', 'off']);
  expect(names('memory')).toEqual(['a', 'b', 'c', 'off']);
  expect(names('disk')).toEqual(['b', 'a', 'c', 'off']);
  expect(names('net')).toEqual(['c', 'a', 'b', 'off']);
});

test('the sum is of those that run, and a machine that is off shows no old numbers', () => {
  const entries = fleetEntries(machines, get, 'cpu');
  expect(sumOfLoads(entries)).toMatchObject({cpuPercent: 150, netBytes: 2048, diskBytes: 1024, interrupts: 1500});
  expect(sumCells(entries).slice(0, 3)).toEqual(['all 4', '3 up', '150%']);
  expect(fleetCells(entries[3]!)).toEqual(['off', '○ off']);
});

test('columns fit every width, the name first', () => {
  for (let width = 10; width < 240; width++) {
    const columns = fleetColumns(width);
    expect(columns[0]?.title).toBe('NAME');
    if (width >= 20) expect(columns.reduce((sum, column) => sum + column.width + 1, -1)).toBeLessThanOrEqual(width);
  }
  expect(fleetColumns(58).map(({title}) => title)).toEqual(['NAME', 'STATE', 'CPU', 'MEM', 'DISK/s', 'NET/s']);
  expect(fleetColumns(118)).toHaveLength(8);
});

test('states are counted in groups', () => {
  const more = [...machines, fakeMachine('x', 'crashed'), fakeMachine('y', 'saved'), fakeMachine('z', 'saving')];
  expect(stateCounts(more).map(({label, count}) => `${count} ${label}`)).toEqual([
    ...['2 running', '1 paused', '1 busy', '2 off', '1 failed'],
  ]);
  expect(stateCounts([]).map(({label, count}) => `${count} ${label}`)).toEqual(['0 running']);
});

test('keys go through the rows of the table, of which only those in sight are made', () => {
  const many = Array.from({length: 500}, (_, i) => fakeMachine(`m-${i}`, 'running'));
  const state: AppState = {
    ...initialState({columns: 80, rows: 24}, 0),
    machines: many,
    samples: new Map(many.map(({id}, i) => [id, [{...steadySample(id, 0), cpuPercent: i}]])),
    selectedId: 'id-m-499',
  };
  expect(fleetNeighbour(state, 1)).toBe('id-m-498');
  expect(fleetNeighbour(state, -1)).toBe('id-m-499');
  expect(fleetNeighbour(state, 1000)).toBe('id-m-0');
  const view = fleetView({...state, selectedId: 'id-m-250'});
  expect(view.cells.length).toBeLessThan(24);
  expect(view.cells[view.selected]?.[0]).toBe('m-250');
  expect(view.sums[0]).toMatch(/^\d+–\d+ of 500$/);
});
