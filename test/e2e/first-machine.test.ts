/** The first five minutes: one command, Enter, a Debian shell in the pane, pause, graphs, and a second look. */
import {expect, it} from 'vitest';
import {Home} from '../support/home.js';

const BOOT_MS = 240_000;
const STEP_MS = 60_000;
const DETACH = '\x1d';

/** Times that `date +%s` printed in the pane, in order. */
const clocks = (screen: string) => [...screen.matchAll(/tick (\d+)/g)].map(([, seconds]) => Number(seconds));

it(
  'leads from an empty fleet to a Debian shell, and the machine outlives the screen',
  async () => {
    await using home = await Home.create();
    {
      await using screen = home.open();
      await screen.see('Boot debian-mini', STEP_MS);
      screen.press('\r');
      await screen.see(/:~# *│?$/m, BOOT_MS);

      screen.press('cat /proc/cpuinfo\r');
      await screen.see('rv64imafdc', STEP_MS);

      screen.press('clear; stty size\r');
      const pane = consoleSize(screen.rows);
      await screen.see(new RegExp(`\\b${pane.rows} ${pane.columns}\\b`), STEP_MS);

      screen.press('clear; while sleep 1; do echo tick $(date +%s); done\r');
      await screen.until('to show a clock', (text) => clocks(text).length >= 2, STEP_MS);
      screen.press(DETACH);
      await screen.see(': all', STEP_MS);
      screen.press('p');
      await screen.see('‖ pause', STEP_MS);
      const frozen = clocks(screen.text).at(-1)!;
      screen.press(']');
      await screen.see('CPU', STEP_MS);
      await screen.see('Memory', STEP_MS);
      screen.press('[');
      await screen.until('to show the console again', (text) => clocks(text).length >= 2, STEP_MS);
      expect(clocks(screen.text).at(-1)).toBe(frozen);
      screen.press('p');
      await screen.until('to show time going on', (text) => (clocks(text).at(-1) ?? 0) > frozen, STEP_MS);

      screen.press('q');
      expect(await screen.exited).toBe(0);
      expect(screen.raw).toContain('running');
    }
    {
      await using again = home.open();
      await again.see('● run', STEP_MS);
      await again.until('to show the console live', (text) => clocks(text).length >= 2, STEP_MS);
      const last = clocks(again.text).at(-1)!;
      await again.until('to show it going on', (text) => (clocks(text).at(-1) ?? 0) > last, STEP_MS);
      again.press('q');
      expect(await again.exited).toBe(0);
    }
    const list = await home.viv(['ls', '--json']);
    expect(JSON.parse(list.stdout)).toMatchObject([{state: 'running', config: {boot: {image: 'debian-mini'}}}]);
  },
  BOOT_MS + 5 * STEP_MS,
);

/** Inner size of the right pane: from its frame, less the frame and the row of tabs. */
function consoleSize(rows: readonly string[]): {rows: number; columns: number} {
  const top = rows.findIndex((row) => row.includes('╮╭'));
  const bottom = rows.findIndex((row) => row.includes('╯╰'));
  const frame = rows[top]!;
  return {rows: bottom - top - 2, columns: frame.lastIndexOf('╮') - frame.indexOf('╮╭') - 2};
}
