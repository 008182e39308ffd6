/** A process that writes to an image is killed at random moments: no write that was answered may be missing. */
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import * as esbuild from 'esbuild';
import {afterAll, beforeAll, expect, it} from 'vitest';
import {openChain} from '../../../../src/paravirt/block/chain.js';
import {SECTOR_BYTES} from '../../../../src/paravirt/block/contract.js';
import {createImage} from '../../../../src/paravirt/block/create-image.js';
import {checkQcow2} from '../../../../src/paravirt/block/formats/qcow2/check.js';
import {HostFile} from '../../../../src/paravirt/block/host-file.js';
import {fillSectors} from '../../../support/sector-fill.js';
import {SeededRandom} from '../../../support/seeded-random.js';

/** `VIV_KILLS=200` is the long run. */
const KILLS = Number(process.env['VIV_KILLS'] ?? 24);
const SECTORS = 16_384;

let folder = '';
let program = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-kill-'));
  program = join(folder, 'disk-writer.mjs');
  const entryPoints = [join(import.meta.dirname, '../../../support/disk-writer.ts')];
  await esbuild.build({entryPoints, outfile: program, bundle: true, format: 'esm', platform: 'node'});
});
afterAll(() => rm(folder, {recursive: true}));

/** Lets the writer run until it has told so many writes, and kills it. Answers with all it has told. */
async function writeAndKill(args: readonly string[], lines: number): Promise<string[]> {
  const child = spawn(process.execPath, [program, ...args], {stdio: ['ignore', 'pipe', 'inherit']});
  const closed = once(child, 'close');
  let told = '';
  for await (const chunk of child.stdout) {
    told += String(chunk);
    if (told.split('\n').length > lines) child.kill('SIGKILL');
  }
  const [code, signal] = await closed;
  expect([code, signal]).toEqual([null, 'SIGKILL']);
  // The last line is whole or was not told.
  return told.split('\n').slice(0, -1);
}

it.each([4096, 65_536])(
  'an image with clusters of %d keeps every answered write of a killed process',
  async (clusterBytes) => {
    const random = new SeededRandom(clusterBytes);
    const [image, base] = [join(folder, `${clusterBytes}.qcow2`), join(folder, `${clusterBytes}.raw`)];
    const initial = Array.from({length: SECTORS}, (_, sector) => (sector % 3 === 0 ? 0 : 1));
    await writeFile(base, fillSectors(initial));
    const backing = {path: base, format: 'raw'};
    await createImage(image, 'qcow2', {sizeBytes: SECTORS * SECTOR_BYTES, clusterBytes, backing});
    const answered = Uint32Array.from(initial);
    let nextValue = 10;
    for (let round = 0; round < KILLS / 2; round++) {
      const args = [image, base, String(round), String(nextValue)];
      for (const line of await writeAndKill(args, 1 + random.below(400))) {
        const [first = 0, count = 0, value = 0] = line.split(' ').map(Number);
        for (let sector = first; sector < first + count; sector++)
          answered[sector] = Math.max(answered[sector]!, value);
        nextValue = Math.max(nextValue, value + 1);
      }
      // Writes that were under way may have happened: values beyond those told, never a lost one.
      nextValue += 16;
      {
        await using file = await HostFile.open(image, true);
        expect((await checkQcow2(file)).errorCount).toBe(0);
      }
      const images = [
        {path: image, format: 'qcow2'},
        {path: base, format: 'raw'},
      ];
      await using disk = await openChain(images, true);
      const shown = new Uint8Array(SECTORS * SECTOR_BYTES);
      await disk.readv([shown], 0);
      const view = new DataView(shown.buffer);
      for (let sector = 0; sector < SECTORS; sector++) {
        const value = view.getUint32(sector * SECTOR_BYTES);
        if (value < answered[sector]!)
          expect.fail(`round ${round}: sector ${sector} shows ${value}, ${answered[sector]} was answered`);
        answered[sector] = value;
      }
    }
  },
  600_000,
);
