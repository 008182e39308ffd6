import {describe, expect, test} from 'vitest';
import {tuiOfFile} from '../support/start-tui.js';

const tui = tuiOfFile();

const SIZE = {columns: 120, rows: 35};

describe('the net tab', () => {
  test('shows the card, its connections, and packets as they pass', async () => {
    await using terminal = tui.open('alpha:running', SIZE, {NETWORK: 'busy'});
    await terminal.see('alpha  ● running');
    terminal.press('4');
    await terminal.see(/card 52:54:00:b8:6a:8d {2}up {2}10\.0\.2\.15/);
    await terminal.see(/rx \S+\/s 2K 20 frames {2}tx \S+\/s 1K 10 frames/);
    await terminal.see('Connections 40');
    await terminal.see(/tcp 10\.0\.2\.15:40000 ↔ 192\.0\.2\.7:8000 +rx 4\.8M tx 1\.2K open/);
    await terminal.see(/and 3\d more/);
    await terminal.see(/> ARP who has 10\.0\.2\.3\? tell 10\.0\.2\.15/);
    // They go on, and the oldest leave.
    await terminal.see(/ARP who has 10\.0\.2\.40\?/);
    expect(terminal.text).not.toContain('who has 10.0.2.3?');
  });

  test('adds a port forward and takes it back by keys', async () => {
    await using terminal = tui.open('alpha:running', SIZE);
    await terminal.see('alpha  ● running');
    terminal.press('4');
    await terminal.see('Port forwards: none, a adds one');
    terminal.press('a');
    await terminal.see('Forward to alpha');
    terminal.press('80\r');
    await terminal.see('like 8080:80');
    terminal.press('\x7f\x7f8080:80\r');
    await terminal.see('▸ 8080 → 80');
    terminal.press('a');
    await terminal.see('Forward to alpha');
    terminal.press('8080:81\r');
    await terminal.see('Port 8080 is forwarded already.');
    terminal.press('\x1b');
    await terminal.until('to close the form', (text) => !text.includes('Forward to alpha'));
    terminal.press('a');
    await terminal.see('Forward to alpha');
    terminal.press('0.0.0.0:2200:22\r');
    await terminal.see('0.0.0.0:2200 → 22');
    terminal.press('l');
    await terminal.see('▸ 0.0.0.0:2200 → 22');
    terminal.press('x');
    await terminal.see('Port 2200 leads nowhere now');
    await terminal.see('▸ 8080 → 80');
    terminal.press('x');
    await terminal.see('Port forwards: none');
    terminal.press('x');
    await terminal.see('There is no port forward yet');
  });

  test('says why there is nothing to see of a machine that is off, and shows it once it runs', async () => {
    await using terminal = tui.open('alpha:defined', SIZE);
    await terminal.see('alpha  ○ off');
    terminal.press('N');
    await terminal.see('There is nothing to see: alpha is not running.');
    terminal.press('s');
    await terminal.see('Linux version');
    terminal.press('N');
    await terminal.see('card 52:54:00:b8:6a:8d');
    await terminal.see('Packets: none yet');
  });

  test.each([
    [60, 20],
    [80, 24],
    [250, 80],
  ])('fits %i×%i', async (columns, rows) => {
    await using terminal = tui.open('alpha:running', {columns, rows}, {NETWORK: 'busy'});
    await terminal.see('alpha');
    terminal.press('4');
    await terminal.see('Connections 40');
    if (columns > 60) await terminal.see(/ARP who has/);
    expect(terminal.rows.every((row) => [...row].length <= columns)).toBe(true);
    expect(terminal.rows.at(-2)).toContain('╰');
  });
});
