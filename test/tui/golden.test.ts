/** Whole screens as they were accepted; `npm run accept` writes them anew after a look at the difference. */
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {describe, test} from 'vitest';
import {expectFrame} from '../support/golden-frame.js';
import {tuiOfFile} from '../support/start-tui.js';

const tui = tuiOfFile();

const FOLDER = join(dirname(fileURLToPath(import.meta.url)), 'golden');
const FLEET = 'db:paused:prod,old:crashed,scratch:defined,web-1:running:prod,web-2:running:prod';
const FROZEN = {FROZEN: '1', TZ: 'UTC', NETWORK: 'still', POINTS: '3'};

const SIZES = [
  [60, 20],
  [80, 24],
  [120, 35],
  [200, 60],
] as const;

/** Screens by name: what is pressed on the way to it, each after the text before it was seen. */
const SCREENS: Readonly<Record<string, readonly (readonly [keys: string, text: string | RegExp])[]>> = {
  console: [['jjjj', /▸ +web-1/]],
  graphs: [
    ['jjjj', /▸ +web-1/],
    ['2', 'CPU'],
  ],
  fleet: [['v', 'Host memory']],
  timeline: [
    ['jjjj', /▸ +web-1/],
    ['3', '3 of 3'],
  ],
  net: [
    ['jjjj', /▸ +web-1/],
    ['4', '52:54:00'],
  ],
  disks: [['5', 'no disk']],
  log: [['6', 'was created.']],
  config: [['7', 'boots']],
  help: [['?', 'Keys in']],
  palette: [[':snap', 'snapshot']],
  menu: [['m', 'Esc closes']],
  question: [
    ['jjjj', /▸ +web-1/],
    ['K', 'Force web-1 off?'],
  ],
  phrase: [
    ['jjjj', /▸ +web-1/],
    ['3', '3 of 3'],
    ['d', 'Type auto-3 to do it'],
  ],
  form: [['n', 'New machine']],
  activity: [['l', 'Jobs and events']],
  marks: [['  z', '2 marked']],
  list: [['_', 'NAME']],
  wall: [
    ['W', 'web-2'],
    ['', /~ #.*~ #/s],
  ],
};

describe.each(SIZES)('at %i×%i', (columns, rows) => {
  test.each(Object.keys(SCREENS))('%s', async (name) => {
    await using terminal = tui.open(FLEET, {columns, rows}, FROZEN);
    await terminal.see('web-2');
    // The one sample there is.
    await terminal.see(/●.* 31%/);
    for (const [keys, text] of SCREENS[name] ?? []) {
      terminal.press(keys);
      await terminal.see(text);
    }
    await expectFrame(terminal, join(FOLDER, `${columns}x${rows}`, `${name}.txt`));
  });

  test('first run', async () => {
    await using terminal = tui.open('', {columns, rows}, FROZEN);
    await terminal.see('▸ Boot debian-mini');
    await expectFrame(terminal, join(FOLDER, `${columns}x${rows}`, 'first-run.txt'));
  });
});
