import {describe, expect, it} from 'vitest';
import {parseImportRecipe} from '../../../src/manager/client/import-recipe.js';

const sha256 = 'AB'.repeat(32);
const digest = sha256.toLowerCase();
const recipe = (changes: object = {}) =>
  JSON.stringify({version: 1, name: 'alpine', kernel: {url: 'boot/vmlinuz', sha256}, ...changes});

describe('a recipe of files that are there', () => {
  it('names addresses relative to its own, and memory in MiB', () => {
    const text = recipe({disks: [{url: 'https://b.example/d.qcow2', sha256}], memoryMiB: 512, commandLine: 'quiet'});
    expect(parseImportRecipe(text, 'https://a.example/images/alpine.json')).toEqual({
      name: 'alpine',
      image: {
        kernel: {url: 'https://a.example/images/boot/vmlinuz', sha256: digest},
        disks: [{url: 'https://b.example/d.qcow2', sha256: digest, isReadOnly: false}],
        ...{memoryBytes: 512 * 2 ** 20, commandLine: 'quiet', hartCount: 1},
      },
    });
  });

  it('names paths relative to its folder', () => {
    const {image} = parseImportRecipe(
      recipe({kernel: {path: 'vmlinuz'}, initrd: {path: '/boot/i'}}),
      '/home/me/a.json',
    );
    expect([image.kernel, image.initrd]).toEqual([{path: '/home/me/vmlinuz'}, {path: '/boot/i'}]);
  });

  it.each([
    ['no JSON', 'kernel=…', '/a.json', 'is not valid JSON'],
    ['an address without a checksum', recipe({kernel: {url: 'https://a.example/k'}}), '/a.json', 'kernel: '],
    ['a checksum that is none', recipe({kernel: {url: 'https://a.example/k', sha256: '12'}}), '/a.json', 'kernel'],
    ['what it does not know', recipe({kernels: 1}), '/a.json', 'kernels'],
    ['a newer version', recipe({version: 2}), '/a.json', 'version'],
    ['a name that images cannot have', recipe({name: '../x'}), '/a.json', 'name: may hold'],
    ['an address of no kind that is known', recipe({kernel: {url: 'ftp://a.example/k', sha256}}), '/a.json', 'ftp://'],
    [
      'a file of this host, and came from elsewhere',
      recipe({kernel: {path: '/etc/shadow'}}),
      'https://a.example/a.json',
      'the file /etc/shadow of this host',
    ],
  ])('is refused when it has %s', (_what, text, where, reason) => {
    expect(() => parseImportRecipe(text, where)).toThrow(
      expect.objectContaining({code: 'recipe-broken', message: expect.stringContaining(reason)}),
    );
  });
});
