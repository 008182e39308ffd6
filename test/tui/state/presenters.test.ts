import {describe, expect, test} from 'vitest';
import type {Job} from '../../../src/manager/protocol/job.js';
import {initialState} from '../../../src/tui/state/model.js';
import {headerLine} from '../../../src/tui/state/presenters/header.js';
import {jobLine, progressBar} from '../../../src/tui/state/presenters/job.js';
import {machineTitle} from '../../../src/tui/state/presenters/machine.js';
import {listHeading, machineRow} from '../../../src/tui/state/presenters/row.js';
import {formatBytes, formatDuration, formatMips, parseBytes} from '../../../src/tui/state/presenters/units.js';
import {textWidth} from '../../../src/tui/terminal/char-width.js';
import {fakeMachine} from '../../support/fake-fleet.js';

describe('units', () => {
  test.each([
    [0, '0B'],
    [999, '999B'],
    [1000, '1K'],
    [1536, '1.5K'],
    [96 * 2 ** 20, '96M'],
    [2.1 * 2 ** 30, '2.1G'],
    [1023.9 * 2 ** 20, '1G'],
  ])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  test.each([
    [42_000, '42s'],
    [727_000, '12m07s'],
    [7_980_000, '2h13m'],
    [273_600_000, '3d04h'],
  ])('%d ms are %s', (ms, text) => expect(formatDuration(ms)).toBe(text));

  test.each([
    [0, '0 MIPS'],
    [4.12e8, '412 MIPS'],
    [1.25e6, '1.3 MIPS'],
  ])('%d instructions are %s', (count, text) => expect(formatMips(count)).toBe(text));

  test.each([
    ['256M', 256 * 2 ** 20],
    ['1.5 GiB', 1.5 * 2 ** 30],
    ['64mb', 64 * 2 ** 20],
    ['4096', 4096],
    ['', undefined],
    ['-1M', undefined],
    ['12 cows', undefined],
    ['1e9', undefined],
    ['99999999T', undefined],
  ])('%j is read as %s', (text, bytes) => expect(parseBytes(text)).toBe(bytes));
});

describe('a row', () => {
  test.each([18, 24, 28, 32, 34, 48])('has exactly %i cells, whatever the name', (width) => {
    for (const name of ['a', 'a-very-long-name-that-does-not-fit', '日本語日本語日本語日本語']) {
      const row = machineRow(fakeMachine(name, 'running'), [], {isSelected: true, isMarked: true}, width, 'braille');
      expect(textWidth(row.name + row.asks + row.state + row.spark + row.numbers)).toBe(width);
    }
    expect(textWidth(listHeading(width, {sort: 'cpu', isReversed: true}))).toBe(width);
  });

  test('says its state as glyph and word', () => {
    const state = (one: Parameters<typeof fakeMachine>[1]) =>
      machineRow(fakeMachine('a', one), [], {isSelected: false, isMarked: false}, 34, 'ascii').state.trim();
    expect([state('running'), state('paused'), state('defined'), state('crashed')]).toEqual([
      '● run',
      '‖ pause',
      '○ off',
      '✗ crash',
    ]);
  });

  test('cannot smuggle control characters to the screen', () => {
    const machine = fakeMachine('a\x1b]0;EVIL\x07b', 'running');
    expect(machineTitle(machine, 0)).not.toContain('\x1b');
    expect(machineRow(machine, [], {isSelected: false, isMarked: false}, 34, 'ascii').name).not.toContain('\x07');
  });
});

describe('a job', () => {
  const job: Job = {
    id: '1',
    kind: 'image-build',
    subject: 'debian-mini',
    state: 'running',
    stage: 'Downloading',
    done: 2 ** 20,
    total: 3 * 2 ** 20,
    unit: 'bytes',
    bytesPerSecond: 2 ** 20,
    startedAtMs: 0,
  };

  test('is one line with stage, numbers, rate and time left', () => {
    expect(jobLine(job)).toBe('Downloading · 1M of 3M · 1M/s · 2s left');
    const {total: _, bytesPerSecond: __, ...open} = job;
    expect(jobLine({...open, unit: 'steps', done: 3})).toBe('Downloading · 3');
  });

  test('has a bar that is full only when it is done', () => {
    expect(progressBar(1 / 3, 6)).toBe('██────');
    expect(progressBar(1, 6)).toBe('██████');
    expect(progressBar(undefined, 3)).toBe('···');
  });
});

test('the header counts machines and adds up instructions of running ones', () => {
  const state = {
    ...initialState({columns: 120, rows: 35}, 0),
    connection: {state: 'connected'} as const,
    machines: [fakeMachine('a', 'running'), fakeMachine('b', 'paused'), fakeMachine('c', 'crashed')],
  };
  expect(headerLine(state)).toBe('local · 1 running 1 paused 1 crashed 3 total');
  expect(headerLine({...state, connection: {state: 'lost'}})).toContain('reconnecting');
});
