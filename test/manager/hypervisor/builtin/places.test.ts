import {mkdirSync} from 'node:fs';
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {type Launch, LINK_VERSION, launchSchema} from '../../../../src/manager/hypervisor/builtin/link.js';
import {spareNodeFlags} from '../../../../src/manager/hypervisor/builtin/node-flags.js';
import {Places, placeFolders} from '../../../../src/manager/hypervisor/builtin/places.js';
import {ManagerError} from '../../../../src/manager/protocol/errors.js';

function launch(changes: Partial<Launch> = {}): Launch {
  return launchSchema.parse({
    ...{linkVersion: LINK_VERSION, id: 'id', name: 'one', socketPath: '/run/one.sock', folder: '/machines/one'},
    ...{memoryBytes: 2 ** 24, hartCount: 1, tier: 'auto', size: {columns: 80, rows: 24}},
    regions: {hotThreshold: 1, maxOps: 1, maxRegions: 1, maxBytes: 1},
    boot: {kind: 'linux', kernelPath: '/images/kernel', initrdPath: '/images/initrd', commandLine: '/images/kernel'},
    disks: [
      {
        images: [
          {path: '/machines/one/disks/a.qcow2', format: 'qcow2'},
          {path: '/machines/one/disks/below.qcow2', format: 'qcow2'},
          ...Array.from({length: 11}, (_, i) => ({path: `/images/base-${i}`, format: 'raw'})),
        ],
        isReadOnly: false,
      },
      {images: [{path: '/data/own.img', format: 'raw'}], isReadOnly: false},
      {images: [{path: '/data/cd.iso', format: 'raw'}], isReadOnly: true},
    ],
    savedPath: '/machines/one/memory/x.state',
    soundStates: ['/machines/one/memory/x.state'],
    ...{scrollbackBytes: 1, logMaxBytes: 1, sampleIntervalMs: 1000},
    ...changes,
  });
}

describe('places', () => {
  const places = Places.of(launch(), '/spares/s');

  it('lead to what is written below one folder, and to what is read below another', () => {
    const inside = (path: string) => places.inside(path);
    expect(inside('/machines/one')).toBe('/spares/s/w/machine');
    expect(inside('/machines/one/disks/new.qcow2')).toBe('/spares/s/w/machine/disks/new.qcow2');
    expect(inside('/data/own.img')).toBe('/spares/s/w/disk-1-0.img');
    expect(inside('/data/cd.iso')).toBe('/spares/s/r/disk-2-0.img');
    expect(inside('/images/base-10')).toBe('/spares/s/r/disk-0-12.img');
    expect(inside('/images/kernel')).toBe('/spares/s/r/kernel');
  });

  it('leave all other names as they are', () => {
    for (const path of ['/machines/one-more', '/machines', '/data/own.img.bak', '/etc/passwd', ''])
      expect(places.inside(path)).toBe(path);
  });

  it('change the names of files in a launch, and nothing else', () => {
    const told = places.launch(launch());
    expect(told.boot).toEqual({
      kind: 'linux',
      kernelPath: '/spares/s/r/kernel',
      initrdPath: '/spares/s/r/initrd',
      commandLine: '/images/kernel',
    });
    expect(told.disks[0]?.images[0]?.path).toBe('/spares/s/w/machine/disks/a.qcow2');
    expect([told.savedPath, ...told.soundStates]).toEqual(Array(2).fill('/spares/s/w/machine/memory/x.state'));
    expect({...told, boot: 0, disks: 0, savedPath: 0, soundStates: 0, folder: 0}).toEqual({
      ...{...launch(), boot: 0, disks: 0, savedPath: 0, soundStates: 0, folder: 0},
    });
  });

  it('give each name back in what is said about it', () => {
    const error = places.outsideError(
      new ManagerError(
        'bad-disk',
        `${places.inside('/images/base-10')} is torn.`,
        `See ${places.inside('/images/base-0')}.`,
      ),
    );
    expect([error.code, error.message, error.hint]).toEqual([
      'bad-disk',
      '/images/base-10 is torn.',
      'See /images/base-0.',
    ]);
    for (const path of ['/machines/one', '/machines/one/disks/a.qcow2', '/data/own.img', '/images/initrd'])
      expect(places.outside(places.inside(path))).toBe(path);
  });

  it('that were linked reach the files', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'viv-places-'));
    try {
      const machine = join(folder, 'machine');
      const spare = join(folder, 'spare');
      for (const place of [machine, ...Object.values(placeFolders(spare))]) mkdirSync(place, {recursive: true});
      const elfPath = join(folder, 'program.elf');
      await writeFile(elfPath, 'program');
      const linked = Places.of(
        launch({folder: machine, boot: {kind: 'firmware', elfPath}, disks: [], savedPath: undefined}),
        spare,
      );
      await linked.make();
      expect(await readFile(linked.inside(elfPath), 'utf8')).toBe('program');
      await writeFile(linked.inside(join(machine, 'console.log')), 'hello');
      expect(await readFile(join(machine, 'console.log'), 'utf8')).toBe('hello');
    } finally {
      await rm(folder, {recursive: true});
    }
  });
});

it('a process that waits may write its links’ folder and its socket, and read its own folder and the program', () => {
  const flags = spareNodeFlags('/spares/s', '/run/ahead.sock', {program: '/dist/machine.js', packageFolder: '/'});
  const allowed = (what: string) => flags.filter((flag) => flag.startsWith(`--allow-fs-${what}=`));
  expect(allowed('write')).toEqual(['--allow-fs-write=/spares/s/w', '--allow-fs-write=/run/ahead.sock']);
  expect(allowed('read')).toEqual([
    '--allow-fs-read=/dist',
    '--allow-fs-read=/package.json',
    '--allow-fs-read=/spares/s',
  ]);
  expect(flags[0]).toBe('--permission');
});
