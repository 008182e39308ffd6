import {existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, it} from 'vitest';
import {type DeputyTask, LocalDeputy} from '../../../src/paravirt/share/deputy.js';
import {ERRNO} from '../../../src/paravirt/share/errno.js';
import {HostFolder} from '../../../src/paravirt/share/host-folder.js';

let base: string;
let shared: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'viv-deputy-'));
  shared = join(base, 'shared');
  mkdirSync(join(shared, 'folder'), {recursive: true});
  mkdirSync(join(base, 'outside'));
  writeFileSync(join(base, 'outside', 'secret'), 'secret', {mode: 0o600});
  writeFileSync(join(shared, 'file'), 'hello');
});
afterEach(() => rmSync(base, {recursive: true}));

const perform = (task: DeputyTask, isReadOnly = false) =>
  new LocalDeputy(HostFolder.open(shared, isReadOnly)).perform(task);

it('does for whoever asks only what lies in the shared folder', async () => {
  symlinkSync(join(base, 'outside'), join(shared, 'way'));
  symlinkSync(join(base, 'outside', 'secret'), join(shared, 'link'));
  const tasks: DeputyTask[] = [
    {kind: 'chmod', names: ['..', 'outside', 'secret'], mode: 0o666},
    {kind: 'chmod', names: ['../outside/secret'], mode: 0o666},
    {kind: 'chmod', names: ['way', 'secret'], mode: 0o666},
    {kind: 'chmod', names: ['link'], mode: 0o666},
    {kind: 'rename', names: ['way', 'secret'], newNames: ['mine']},
    {kind: 'rename', names: ['file'], newNames: ['way', 'planted']},
    {kind: 'link', names: ['folder', '..', '..', 'outside', 'secret'], newNames: ['mine']},
    {kind: 'symlink', names: ['way', 'planted'], target: 'x'},
    {kind: 'sync', names: ['link'], isDataOnly: false},
    {kind: 'rename', names: [], newNames: ['mine']},
  ];
  for (const task of tasks) expect(await perform(task), JSON.stringify(task)).toBeGreaterThan(0);
  expect(statSync(join(base, 'outside', 'secret')).mode & 0o777).toBe(0o600);
  expect(['mine', 'way/planted'].map((name) => existsSync(join(shared, name)))).toEqual([false, false]);
  expect(readFileSync(join(shared, 'file'), 'utf8')).toBe('hello');
});

it('changes nothing where only reads are allowed', async () => {
  expect(await perform({kind: 'chmod', names: ['file'], mode: 0o600}, true)).toBe(ERRNO.EROFS);
  expect(await perform({kind: 'symlink', names: ['new'], target: 'x'}, true)).toBe(ERRNO.EROFS);
});

it('syncs files and folders, and changes modes of what it may not read', async () => {
  expect(await perform({kind: 'sync', names: ['file'], isDataOnly: true})).toBe(0);
  expect(await perform({kind: 'sync', names: ['folder'], isDataOnly: false})).toBe(0);
  expect(await perform({kind: 'chmod', names: ['file'], mode: 0}, false)).toBe(0);
  expect(await perform({kind: 'chmod', names: ['file'], mode: 0o640}, false)).toBe(0);
  expect(statSync(join(shared, 'file')).mode & 0o777).toBe(0o640);
});
