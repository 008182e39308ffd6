/**
 * A process that writes to a qcow2 image until it is killed: `node disk-writer.mjs IMAGE BASE SEED FIRST-VALUE`. Each write
 * fills sectors with a value higher than all before; it is told on stdout, one line, once the disk has answered.
 */
import {writeSync} from 'node:fs';
import {openChain} from '../../src/paravirt/block/chain.js';
import {SECTOR_BYTES} from '../../src/paravirt/block/contract.js';
import {fillSectors} from './sector-fill.js';
import {SeededRandom} from './seeded-random.js';

const [image = '', base = '', seed = '0', firstValue = '1'] = process.argv.slice(2);
const LANES = 8;
const images = [
  {path: image, format: 'qcow2'},
  {path: base, format: 'raw'},
];
const disk = await openChain(images, false);
const random = new SeededRandom(Number(seed));
const lane = Math.floor(disk.sizeBytes / SECTOR_BYTES / LANES);
let value = Number(firstValue);

const write = async (from: number): Promise<never> => {
  for (;;) {
    const first = from + random.below(lane);
    const count = Math.min(1 + random.below(random.chance(80) ? 16 : 200), from + lane - first);
    const mine = value++;
    await disk.writev([fillSectors(new Array<number>(count).fill(mine))], first * SECTOR_BYTES);
    writeSync(1, `${first} ${count} ${mine}\n`);
    if (random.chance(5)) await disk.flush();
  }
};
await Promise.all(Array.from({length: LANES}, (_, index) => write(index * lane)));
