import {writeFile} from 'node:fs/promises';
import {extname} from 'node:path';
import {fileProblem} from '../casts/cast-recorder.js';
import type {GuestScreen} from '../terminal/guest-screen.js';
import {renderPng} from './png.js';

/** True for names of pictures; all others are of text. */
export function isPictureName(path: string): boolean {
  return extname(path).toLowerCase() === '.png';
}

/** The screen as lines of text, without blanks at their ends and blank ones at the end. */
export function screenText(screen: GuestScreen): string {
  const lines = screen.text.map((line) => line.trimEnd());
  return lines.join('\n').replace(/\n+$/, '');
}

/**
 * Writes a screen into a file that only its user can read: a picture if its name ends in `.png`, else text.
 * `isNew`: a file that is there is an error. Errors: file-exists, file-not-found
 */
export async function writeScreenshot(screen: GuestScreen, path: string, isNew: boolean): Promise<void> {
  const content = isPictureName(path) ? await renderPng(screen.toSvg()) : `${screenText(screen)}\n`;
  try {
    await writeFile(path, content, {flag: isNew ? 'wx' : 'w', mode: 0o600});
  } catch (thrown) {
    throw fileProblem(path, thrown);
  }
}
