import {mkdirSync, mkdtempSync, readlinkSync, renameSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {LINK_VERSION, launchSchema} from '../../../../src/manager/hypervisor/builtin/link.js';
import {machineNodeFlags} from '../../../../src/manager/hypervisor/builtin/node-flags.js';
import {LinkedDeputy, ShareDeputies} from '../../../../src/manager/hypervisor/builtin/share-deputies.js';
import {ERRNO} from '../../../../src/paravirt/share/errno.js';

let base: string;
let shared: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'viv-deputies-'));
  shared = join(base, 'shared');
  mkdirSync(shared);
  writeFileSync(join(shared, 'file'), 'hello', {mode: 0o600});
});
afterEach(() => rmSync(base, {recursive: true}));

describe('what a machine process may not do in its shares', () => {
  it('is done by the daemon, one thing after the other', async () => {
    const deputies = new ShareDeputies([{path: shared, tag: 'work', isReadOnly: false}]);
    const done = [
      deputies.perform(0, {kind: 'symlink', names: ['one'], target: 'file'}),
      deputies.perform(0, {kind: 'rename', names: ['one'], newNames: ['two']}),
      deputies.perform(0, {kind: 'chmod', names: ['file'], mode: 0o640}),
    ];
    expect(await Promise.all(done)).toEqual([0, 0, 0]);
    expect(readlinkSync(join(shared, 'two'))).toBe('file');
    expect(statSync(join(shared, 'file')).mode & 0o777).toBe(0o640);
  });

  it('is not done in shares that the machine does not have, that are only read, or that are gone', async () => {
    const deputies = new ShareDeputies([{path: shared, tag: 'work', isReadOnly: true}]);
    const task = {kind: 'chmod', names: ['file'], mode: 0o640} as const;
    expect(await deputies.perform(1, task)).toBe(ERRNO.ENOENT);
    expect(await deputies.perform(0, task)).toBe(ERRNO.EROFS);
    renameSync(shared, `${shared}-away`);
    expect(await deputies.perform(0, task)).toBe(ERRNO.EIO);
  });

  it('fails with an I/O error while there is no daemon', async () => {
    const deputy = new LinkedDeputy(() => undefined, 0);
    expect(await deputy.perform({kind: 'sync', names: ['file'], isDataOnly: true})).toBe(ERRNO.EIO);
  });
});

it('a machine process is given its shared folders, and may write those only that it should', () => {
  const launch = launchSchema.parse({
    ...{linkVersion: LINK_VERSION, id: 'id', name: 'one', socketPath: '/run/one.sock', folder: '/machines/one'},
    ...{memoryBytes: 2 ** 24, hartCount: 1, tier: 'auto', size: {columns: 80, rows: 24}, disks: []},
    regions: {hotThreshold: 1, maxOps: 1, maxRegions: 1, maxBytes: 1},
    boot: {kind: 'firmware', elfPath: '/program.elf'},
    shares: [
      {path: '/data', tag: 'data'},
      {path: '/work', tag: 'work', isReadOnly: false},
    ],
    ...{scrollbackBytes: 1, logMaxBytes: 1, sampleIntervalMs: 1000},
  });
  const flags = machineNodeFlags(launch, {program: '/dist/machine.js', packageFolder: '/'});
  expect(flags).toEqual(expect.arrayContaining(['--allow-fs-read=/data', '--allow-fs-read=/work']));
  expect(flags.filter((flag) => flag.startsWith('--allow-fs-write='))).toEqual([
    '--allow-fs-write=/machines/one',
    '--allow-fs-write=/run/one.sock',
    '--allow-fs-write=/work',
  ]);
});
