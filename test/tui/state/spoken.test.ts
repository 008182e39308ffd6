import {describe, expect, test} from 'vitest';
import * as registry from '../../../src/tui/actions/registry.js';
import {LineOutput} from '../../../src/tui/app/line-output.js';
import {Speaker} from '../../../src/tui/app/speaker.js';
import {type AppState, initialState, type Overlay, TABS} from '../../../src/tui/state/model.js';
import {spokenJob, spokenOverlay, spokenRow} from '../../../src/tui/state/presenters/spoken.js';
import {spokenPane} from '../../../src/tui/state/presenters/spoken-pane.js';
import {textInput} from '../../../src/tui/state/text-input.js';
import {fakeMachine} from '../../support/fake-fleet.js';

const ACTIONS = Object.values(registry);
const QUESTION = {
  ...{id: '00000000-0000-4000-8000-000000000001', protocol: 'tcp' as const, address: '192.0.2.7'},
  ...{port: 443, name: 'example.org', askedAtMs: 0},
};
const state: AppState = {
  ...initialState({columns: 120, rows: 35}, 0),
  connection: {state: 'connected'},
  machines: [fakeMachine('alpha', 'running', {questions: [QUESTION]}), fakeMachine('beta', 'defined')],
  timeline: {
    machineId: 'id-alpha',
    settings: {isEnabled: true, intervalMs: 30_000, budgetBytes: 2 ** 30, maxCount: 60, usedBytes: 0},
    points: [],
    broken: [],
  },
  disks: {machineId: 'id-alpha', disks: [], chosen: 0},
};
const paste = {machineId: 'id-alpha', bytes: Buffer.from('a\nb'), lineCount: 2, controlCount: 0, preview: ['a', 'b']};
const job = {
  ...({id: 'j', kind: 'image-build', subject: 'debian', state: 'running', stage: 'Downloading', done: 0} as const),
  ...({total: 100, unit: 'bytes', startedAtMs: 0} as const),
};

/** What a speaker tells of states, one after the other. */
function told(...states: readonly AppState[]): readonly string[] {
  const lines: string[] = [];
  const speaker = new Speaker((line) => lines.push(line), ACTIONS);
  for (const one of states) speaker.follow(one);
  return lines;
}

describe('what lies on top is told', () => {
  test.each<[string, Overlay, readonly string[]]>([
    ['help', {kind: 'help', scroll: 0}, ['Machines:']],
    [
      'a paste',
      {kind: 'console', dialog: {kind: 'paste', paste, isYes: false}},
      ['Type 2 lines (3B) into alpha?', 'a', 'b', 'y for yes, n for no. Enter: No.'],
    ],
    ['chords', {kind: 'console', dialog: {kind: 'chords'}}, ['Enter ~ .: leave the console.']],
    [
      'a question',
      {kind: 'question', questionId: QUESTION.id, chosen: 0},
      ['alpha wants to reach example.org:443 (192.0.2.7) by TCP', 'Deny: refuse it for a minute, 1 of 4.'],
    ],
    ['the menu', {kind: 'menu', chosen: 0}, ['Menu of the machine.']],
    [
      'the copy menu',
      {kind: 'copy', machineId: 'id-alpha', addresses: ['10.0.2.15'], chosen: 5},
      ['address: 10.0.2.15, 6 of 6.'],
    ],
    [
      'jobs and events',
      {kind: 'activity', chosen: 0, scroll: 0, filter: textInput('x'), isFiltering: true},
      ['No job is running.', 'Filter: x'],
    ],
  ])('%s', (_, overlay, lines) =>
    expect(spokenOverlay({...state, overlay}, ACTIONS)).toEqual(expect.arrayContaining([...lines])),
  );
});

describe('tabs', () => {
  test.each(TABS)('%s tells something, for a machine and for none', (tab) => {
    expect(spokenPane({...state, tab}).lines.length).toBeGreaterThan(0);
    expect(spokenPane({...state, tab, machines: []}).lines).toEqual(['There is no machine yet.']);
  });

  test('whose content is still to come are told when it has', () => {
    const opened = {...state, tab: 'disks', disks: undefined} as const;
    const lines = told(state, opened, {...opened, disks: state.disks});
    expect(lines.slice(-3)).toEqual([
      'Disks.',
      'all disks: read 0B/s, written 0B/s',
      'This machine has no disk; a attaches one while it is off.',
    ]);
  });

  test('are told when they are opened, not when numbers move', () => {
    const graphs = {...state, tab: 'graphs'} as const;
    const lines = told(state, graphs, {...graphs, nowMs: 1000, samples: new Map()});
    expect(lines.filter((line) => line === 'Graphs.' || line.startsWith('CPU'))).toHaveLength(2);
  });
});

describe('the speaker', () => {
  test('tells a row once, and again when its machine is in another state', () => {
    const off = {...state, machines: [fakeMachine('alpha', 'crashed', {reason: 'It broke.'}), state.machines[1]!]};
    expect(told(state, {...state, nowMs: 5}, off).filter((line) => line.startsWith('alpha,'))).toEqual([
      'alpha, running, memory 256M, 1 of 2.',
      'alpha, crashed, memory 256M, It broke., 1 of 2.',
    ]);
  });

  test('tells of a crash out of sight', () => {
    const crashed = {...state, machines: [state.machines[0]!, fakeMachine('beta', 'crashed', {reason: 'It broke.'})]};
    expect(told(state, crashed)).toContain('beta, crashed. It broke.');
  });

  test('tells a job by quarters, and how it ended', () => {
    const at = (done: number) => ({...state, jobs: [{...job, done}]});
    const failed = {...job, state: 'failed' as const, error: {code: 'x', message: 'No room.', hint: 'Make some.'}};
    const lines = told(state, at(0), at(1), at(2), at(25), at(26), at(50), {...state, jobs: [failed]});
    expect(lines.filter((line) => line.startsWith('debian:'))).toEqual([
      'debian: Downloading.',
      'debian: Downloading, 25 percent.',
      'debian: Downloading, 50 percent.',
      'debian: failed. No room. Make some.',
    ]);
  });

  test('says nothing of jobs that had ended before', () => {
    expect(told({...state, jobs: [{...job, state: 'done'}]}).join()).not.toContain('debian');
    expect(spokenJob({...job, state: 'done'})).toBe('debian: done.');
  });

  test('tells what the filter hides', () => {
    const open = {...state, isFilterOpen: true};
    const lines = told(state, open, {...open, filter: 'zz'}, {...state, filter: 'zz'});
    expect(lines.slice(-4)).toEqual([
      'Filter: type words, Enter keeps them, Escape clears them.',
      'Filter: zz',
      'No machine matches the filter.',
      'Filtered by zz.',
    ]);
    expect(spokenRow({...state, filter: 'zz'})).toBe('No machine matches the filter.');
  });
});

describe('lines for a terminal', () => {
  test('hold nothing that a terminal would obey, and only ASCII where that is asked for', () => {
    let out = '';
    new LineOutput((text) => (out += text), false).tell('a\x1b[2J\nb\x9b…  ');
    new LineOutput((text) => (out += text), true).tell('●…');
    expect(out).toBe('a^[[2J^Jb<9b>…\n*.\n');
  });

  test('wait while they are held, the newest of them', () => {
    let out = '';
    const lines = new LineOutput((text) => (out += text), false);
    lines.hold();
    for (let index = 0; index < 1000; index++) lines.tell(`${index}`);
    expect(out).toBe('');
    lines.release();
    expect(out.split('\n')).toHaveLength(51);
    expect(out.endsWith('999\n')).toBe(true);
  });
});
