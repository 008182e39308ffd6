/** The README's table of keys is made of the action records; `npm run accept` writes it. */
import {readFileSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {expect, test} from 'vitest';
import * as registry from '../../../src/tui/actions/registry.js';
import {keyTable} from '../../../src/tui/keys/hints.js';

const README = join(dirname(fileURLToPath(import.meta.url)), '../../../README.md');
const [BEGIN, END] = ['<!-- keys: written by npm run accept -->\n', '<!-- end of keys -->'];

test('the README lists all keys', () => {
  const text = readFileSync(README, 'utf8');
  const [from, to] = [text.indexOf(BEGIN) + BEGIN.length, text.indexOf(END)];
  const table = `${keyTable(Object.values(registry))}\n`;
  if (process.env['VIV_ACCEPT'] === '1') writeFileSync(README, text.slice(0, from) + table + text.slice(to));
  else expect(text.slice(from, to)).toBe(table);
});
