import {afterEach, beforeEach, expect, test, vi} from 'vitest';
import {initialState} from '../../../src/tui/state/model.js';
import {Store} from '../../../src/tui/state/store.js';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const host = (atMs: number) => ({atMs, cpuPercent: 1, coreCount: 1, memoryUsedBytes: 1, memoryTotalBytes: 2});
const sampled = (atMs: number) => ({type: 'sampled' as const, host: host(atMs), machines: []});

test('samples are in the state at once and told within two seconds where they are not painted; keys are told within a frame, with all there is', () => {
  using store = new Store(initialState({columns: 80, rows: 24}, 0));
  let told = 0;
  store.dispatch({type: 'tabChosen', tab: 'net'});
  vi.advanceTimersByTime(40);
  store.subscribe(() => told++);
  // The first ones are waited for.
  store.dispatch(sampled(1));
  vi.advanceTimersByTime(40);
  expect(told).toBe(1);
  for (let i = 2; i < 12; i++) {
    store.dispatch(sampled(i));
    expect(store.getState().host?.atMs).toBe(i);
    vi.advanceTimersByTime(190);
  }
  expect(told).toBe(1);
  vi.advanceTimersByTime(200);
  expect(told).toBe(2);
  vi.advanceTimersByTime(10_000);
  expect(told).toBe(2);
  store.dispatch(sampled(20));
  store.dispatch(sampled(21));
  store.dispatch({type: 'tabChosen', tab: 'log'});
  vi.advanceTimersByTime(40);
  expect(told).toBe(3);
  vi.advanceTimersByTime(10_000);
  expect(told).toBe(3);
  // Graphs have the newest numbers themselves.
  store.dispatch({type: 'tabChosen', tab: 'graphs'});
  vi.advanceTimersByTime(40);
  store.dispatch(sampled(30));
  vi.advanceTimersByTime(3900);
  expect(told).toBe(4);
  vi.advanceTimersByTime(200);
  expect(told).toBe(5);
});

test('where numbers are painted they are told twice a minute, and a key tells all there is at once', () => {
  using store = new Store(initialState({columns: 80, rows: 24}, 0));
  let told = 0;
  store.dispatch(sampled(1));
  vi.advanceTimersByTime(40);
  store.subscribe(() => told++);
  store.dispatch(sampled(2));
  vi.advanceTimersByTime(20_000);
  expect(told).toBe(0);
  store.drew(store.getState());
  store.dispatch(sampled(3));
  expect(store.getShown().host?.atMs).toBe(3);
  store.dispatch({type: 'selectionMoved', by: 1});
  store.dispatch({type: 'tabChosen', tab: 'log'});
  // Drawn is still the tab before.
  expect(store.getShown().tab).toBe('console');
  store.hurry();
  expect(told).toBe(1);
  store.drew(store.getState());
  expect(store.getShown().tab).toBe('log');
  // A burst of keys is told once a frame.
  store.dispatch({type: 'tabChosen', tab: 'net'});
  store.hurry();
  expect(told).toBe(1);
  vi.advanceTimersByTime(40);
  expect(told).toBe(2);
});
