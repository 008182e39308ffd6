import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {describe, expect, test} from 'vitest';
import {matchingEvents} from '../../src/tui/state/presenters/activity.js';
import {tuiOfFile} from '../support/start-tui.js';

const tui = tuiOfFile();

const SIZE = {columns: 120, rows: 35};

describe('jobs and events', () => {
  test('l shows what happened to all machines, and / looks for words in it', async () => {
    await using terminal = tui.open('alpha:running,beta:defined');
    await terminal.see('alpha  ● running');
    terminal.press('l');
    await terminal.see('No job is running.');
    await terminal.see('alpha was created.');
    await terminal.see('beta was created.');
    terminal.press('/beta');
    await terminal.until('to hide the other', (text) => !text.includes('alpha was created.'));
    terminal.press('\r');
    await terminal.see('x cancels the job');
    terminal.press('x');
    await terminal.see('There is no job to cancel.');
    terminal.press('\x1b');
    await terminal.until('to close', (text) => !text.includes('Jobs and events'));
  });

  test('x cancels the job that is chosen', async () => {
    await using terminal = tui.open('', SIZE, {IMAGE: 'missing'});
    await terminal.see('▸ Boot debian-mini');
    terminal.press('\r');
    await terminal.see('Downloading packages · 34M of 112M');
    terminal.press('l');
    await terminal.see(/▸ debian-mini +running +██████──/);
    terminal.press('x');
    await terminal.see(/▸ debian-mini +cancelled/);
  });

  test('words and their opposites find events', () => {
    const event = (seq: number, message: string) =>
      ({seq, atMs: 0, kind: 'machine-created', machineName: `m-${seq}`, message}) as const;
    const events = [event(1, 'one was created.'), event(2, 'two crashed.')];
    const found = (filter: string) => matchingEvents(events, filter).map(({seq}) => seq);
    expect(found('')).toEqual([1, 2]);
    expect(found('CRASHED m-2')).toEqual([2]);
    expect(found('-crashed')).toEqual([1]);
  });
});

describe('the theme', () => {
  test('is changed by a key and stays for the next time', async () => {
    const config = await mkdtemp(join(tmpdir(), 'viv-theme-'));
    try {
      {
        await using terminal = tui.open('alpha:running', SIZE, {XDG_CONFIG_HOME: config, COLORTERM: 'truecolor'});
        await terminal.see('alpha  ● running');
        terminal.press('\x14');
        await terminal.see('Theme: light.');
        terminal.press('q');
        await terminal.exited;
      }
      await using again = tui.open('alpha:running', SIZE, {XDG_CONFIG_HOME: config, COLORTERM: 'truecolor'});
      await again.see('alpha  ● running');
      // The light theme's accent.
      expect(again.raw).toContain('38;2;0;95;135');
    } finally {
      await rm(config, {recursive: true, force: true});
    }
  });
});
