import {expect, test} from 'vitest';
import {TerminalSession} from '../../support/terminal.js';

/** Writes the pieces, one for each key. */
function writer(pieces: readonly string[]): TerminalSession {
  const code = `
    const pieces = ${JSON.stringify(pieces)};
    process.stdin.setRawMode(true);
    process.stdin.on('data', () => pieces.length === 0 ? process.exit() : process.stdout.write(pieces.shift()));
    process.stdout.write('ready ');`;
  return new TerminalSession({command: process.execPath, args: ['-e', code]});
}

test('half a frame is not on the screen, however its marks are cut', async () => {
  await using terminal = writer(['plain \x1b[?20', '26hhalf \x1b[?202', '6lwhole\x1b[?2026h', ' late']);
  await terminal.see('ready');
  terminal.press('x');
  await terminal.see('ready plain');
  terminal.press('x');
  await expect.poll(() => terminal.raw).toContain('half');
  expect(terminal.text).not.toContain('half');
  terminal.press('x');
  await terminal.see('ready plain half whole');
  terminal.press('x');
  await expect.poll(() => terminal.raw).toContain('late');
  expect(terminal.text).not.toContain('late');
  // What a program leaves half-drawn when it ends stays there.
  terminal.press('x');
  await terminal.exited;
  expect(terminal.text).toContain('whole late');
});
