import {mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {builtInCatalogDir} from '../../../src/manager/image/image-store.js';
import {loadRecipe, readCatalog} from '../../../src/manager/image/recipe.js';

const builtIn: Record<string, unknown> = JSON.parse(
  readFileSync(join(builtInCatalogDir(), 'debian-mini.json'), 'utf8'),
);

describe('recipes', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'viv-recipe-'));
  });
  afterEach(() => rmSync(folder, {recursive: true}));

  const put = (name: string, changes: Record<string, unknown> = {}) => {
    mkdirSync(join(folder, 'guest'), {recursive: true});
    writeFileSync(join(folder, 'guest', 'init'), '#!/bin/sh\n');
    writeFileSync(join(folder, `${name}.json`), JSON.stringify({...builtIn, name, guestFolder: 'guest', ...changes}));
  };

  it('holds debian-mini, with an executable init', async () => {
    const {recipe, guestFiles} = await loadRecipe([builtInCatalogDir()], 'debian-mini');
    expect(recipe.suite).toBe('trixie');
    expect(guestFiles.find((file) => file.path === 'init')?.isExecutable).toBe(true);
    expect(guestFiles.find((file) => file.path === 'etc/fstab')?.isExecutable).toBe(false);
  });

  it('holds debian, with what makes its disk, what finds it, and what is on it', async () => {
    const {recipe, guestFiles} = await loadRecipe([builtInCatalogDir()], 'debian');
    expect(recipe.kind).toBe('debian-disk');
    const modes = new Map(guestFiles.map(({path, isExecutable}) => [path, isExecutable]));
    for (const path of ['build/init', 'initrd/init', 'root/usr/lib/vivarium/finish'])
      expect(modes.get(path)).toBe(true);
    expect(modes.get('root/etc/fstab')).toBe(false);
  });

  it.each(['debian', 'debian-installer', 'debian-mini'])(
    'keeps the command line of %s within what a riscv64 kernel reads, with room for what a machine adds',
    async (name) => {
      const {recipe} = await loadRecipe([builtInCatalogDir()], name);
      const ofCommands = 'execCommandLine' in recipe ? recipe.execCommandLine : '';
      const line = 'commandLine' in recipe ? recipe.commandLine : undefined;
      expect(line!.length + ofCommands.length).toBeLessThan(900); // COMMAND_LINE_SIZE is 1024
    },
  );

  it('makes no other image by what it tells people of its download', async () => {
    put('told', {downloadMiB: 5});
    const told = await loadRecipe([folder], 'told');
    put('told', {downloadMiB: undefined});
    expect((await loadRecipe([folder], 'told')).digest).toBe(told.digest);
    put('told', {downloadMiB: undefined, memoryMiB: 512});
    expect((await loadRecipe([folder], 'told')).digest).not.toBe(told.digest);
  });

  it('takes the recipe of the later folder', async () => {
    put('debian-mini', {title: 'Mine'});
    const catalog = await readCatalog([builtInCatalogDir(), folder, join(folder, 'not-there')]);
    expect(catalog).toMatchObject([
      {name: 'debian'},
      {name: 'debian-installer'},
      {name: 'debian-mini', recipe: {title: 'Mine'}},
      {name: 'u-boot'},
    ]);
  });

  it('shows a broken recipe beside the sound ones', async () => {
    put('sound');
    writeFileSync(join(folder, 'torn.json'), '{"version": 1,');
    const catalog = await readCatalog([folder]);
    expect(catalog).toMatchObject([{name: 'sound'}, {name: 'torn', error: {code: 'recipe-broken'}}]);
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    ['an unknown field', {colour: 'red'}, /colour/],
    ['a newer version', {version: 2}, /version/],
    ['too little memory', {memoryMiB: 1}, /memoryMiB/],
    ['a package name with options in it', {kernelPackage: '-o=Evil'}, /kernelPackage/],
    ['a guest folder that climbs', {guestFolder: '..'}, /guestFolder/],
    ['a command line with a line break', {commandLine: 'a\nb'}, /commandLine/],
    ['a kind that there is none of', {kind: 'magic'}, /kind/],
    ['the fields of another kind', {diskMiB: 1024}, /diskMiB/],
    ['a name that is not the name of its file', {name: 'other'}, /other/],
    ['a guest folder that is not there', {guestFolder: 'missing'}, /missing/],
  ])('refuses %s', async (_, changes, reason) => {
    put('broken', changes);
    await expect(loadRecipe([folder], 'broken')).rejects.toMatchObject({
      code: 'recipe-broken',
      message: expect.stringMatching(reason),
    });
  });

  it('refuses a link among the guest files', async () => {
    put('linked');
    symlinkSync('/etc/passwd', join(folder, 'guest', 'secret'));
    await expect(loadRecipe([folder], 'linked')).rejects.toMatchObject({code: 'recipe-broken'});
  });

  it('names the images there are when one is unknown', async () => {
    put('sound');
    await expect(loadRecipe([folder], '../sound\n')).rejects.toMatchObject({
      code: 'image-not-found',
      message: 'There is no image named "../sound\\n".',
      hint: expect.stringContaining('sound'),
    });
  });

  it('has another digest when a guest file changes', async () => {
    put('one');
    const before = await loadRecipe([folder], 'one');
    expect((await loadRecipe([folder], 'one')).digest).toBe(before.digest);
    writeFileSync(join(folder, 'guest', 'init'), '#!/bin/sh\n# more\n');
    expect((await loadRecipe([folder], 'one')).digest).not.toBe(before.digest);
  });
});
