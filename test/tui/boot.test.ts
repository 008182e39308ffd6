import {test} from 'vitest';
import {tuiOfFile} from '../support/start-tui.js';

const tui = tuiOfFile();

const SIZE = {columns: 120, rows: 35};
const BOOT = [
  '[    0.000000] Linux version 6.12.38\r\n',
  '[  OK  ] Started ssh.service - OpenBSD Secure Shell server.\r\n',
  'Debian GNU/Linux 13 alpha hvc0\r\n\r\nalpha login: ',
].join('|');

test('the title of a machine that was started names the stage of its boot, until it has arrived', async () => {
  await using terminal = tui.open('alpha:defined', SIZE, {BOOT});
  await terminal.see('alpha  ○ off');
  terminal.press('s');
  await terminal.see(/alpha {2}● running .*booting: kernel/);
  await terminal.see(/alpha {2}● running .*booting: services/);
  await terminal.see('alpha login:');
  await terminal.until('to say no more of the boot', (text) => !text.includes('booting:'));
});

test('so does the line above a console on the whole screen', async () => {
  await using terminal = tui.open('alpha:defined', {columns: 50, rows: 20}, {BOOT});
  await terminal.see('alpha');
  terminal.press('\r');
  await terminal.see('booting: kernel');
});

test('a start that fails leaves its cause in the pane, in every tab', async () => {
  const cause = 'The kernel /boot/vmlinux cannot be read.';
  await using terminal = tui.open('alpha:defined', SIZE, {START_FAULT: cause});
  await terminal.see('alpha  ○ off');
  terminal.press('\r');
  await terminal.see(`│ ${cause}`);
  await terminal.see(`${cause} Check the path.`);
  terminal.press('2');
  await terminal.see(`╰ ${cause}`);
});
