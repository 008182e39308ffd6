import {mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {CodeFolder} from '../../../../src/manager/hypervisor/builtin/code-folder.js';

const WAIT = {timeout: 20_000};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-code-'));
});
afterEach(() => rm(folder, {recursive: true}));

const code = (value: number) => new Uint8Array(1000).fill(value);

async function kept(count: number): Promise<string[]> {
  await expect
    .poll(async () => (await readdir(folder)).filter((name) => name.endsWith('.wasm')), WAIT)
    .toHaveLength(count);
  return (await readdir(folder)).map((name) => join(folder, name));
}

describe('a folder of generated code', () => {
  it('gives back what was kept under the same key, also to another process', async () => {
    new CodeFolder(folder).keep('a', code(1));
    await kept(1);
    const other = new CodeFolder(folder);
    expect(await other.find('a')).toEqual(code(1));
    expect(await other.find('b')).toBeUndefined();
  });

  it('gives back nothing of a file that is damaged or cut short', async () => {
    const keeper = new CodeFolder(folder);
    keeper.keep('a', code(1));
    const [path] = await kept(1);
    const whole = await readFile(path!);
    for (const broken of [whole.subarray(0, 500), Buffer.concat([whole.subarray(0, 100), code(2)]), Buffer.alloc(0)]) {
      await writeFile(path!, broken);
      expect(await keeper.find('a')).toBeUndefined();
    }
    await writeFile(path!, whole);
    expect(await keeper.find('a')).toEqual(code(1));
  });

  it('does not grow for ever, and minds no folder that cannot be written', async () => {
    const keeper = new CodeFolder(folder);
    for (let i = 0; i < 20; i++) {
      keeper.keep(`key ${i}`, code(i));
      await expect.poll(() => keeper.find(`key ${i}`), WAIT).toBeDefined();
    }
    await kept(16);
    const nowhere = new CodeFolder('/dev/null/code');
    nowhere.keep('a', code(1));
    expect(await nowhere.find('a')).toBeUndefined();
  });
});
