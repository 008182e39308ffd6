/** Screens as they were accepted, in files. They change only by `npm run accept`, which writes them anew. */
import {existsSync, readFileSync} from 'node:fs';
import {mkdir, writeFile} from 'node:fs/promises';
import {dirname} from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import type {TerminalSession} from './terminal.js';

const isAccepting = process.env['VIV_ACCEPT'] === '1';
/** While frames are accepted, a screen counts as done when nothing was written for so long. */
const QUIET_MS = 800;

/** Resolves when the screen is as the file says, cell by cell. Errors: with the first line that differs */
export async function expectFrame(terminal: TerminalSession, path: string): Promise<void> {
  if (isAccepting) {
    for (let seen = -1; seen !== terminal.raw.length; await delay(QUIET_MS)) seen = terminal.raw.length;
    await mkdir(dirname(path), {recursive: true});
    await writeFile(path, `${terminal.text}\n`);
    return;
  }
  if (!existsSync(path)) throw new Error(`There is no ${path}; npm run accept writes it.`);
  const golden = readFileSync(path, 'utf8').slice(0, -1);
  try {
    await terminal.until(`as in ${path}`, (text) => text === golden);
  } catch (error) {
    const lines = terminal.text.split('\n');
    const wanted = golden.split('\n');
    const at = wanted.findIndex((line, index) => line !== lines[index]);
    if (at < 0) throw error;
    throw new Error(
      `${path} differs in line ${at + 1}:\n  is   ${lines[at]}\n  was  ${wanted[at]}\n\n${terminal.text}`,
    );
  }
}
