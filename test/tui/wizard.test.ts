import {describe, expect, test} from 'vitest';
import {tuiOfFile} from '../support/start-tui.js';

const tui = tuiOfFile();

const SIZE = {columns: 120, rows: 35};
const [UP, DOWN, TAB, BACK_TAB] = ['\x1b[A', '\x1b[B', '\t', '\x1b[Z'];

describe('the wizard', () => {
  test('n and one Enter make and start a machine with every default', async () => {
    await using terminal = tui.open('alpha:defined');
    await terminal.see('alpha  ○ off');
    terminal.press('n');
    await terminal.see('▸ debian-mini');
    await terminal.see('cached 33M');
    await terminal.see('$ viv create debian-mini --start');
    terminal.press('\r');
    await terminal.see('brave-otter  ● running');
  });

  test('says what is wrong while one types, refuses Enter there, and shows the command once all is right', async () => {
    await using terminal = tui.open('alpha:defined');
    await terminal.see('alpha  ○ off');
    terminal.press(`n${TAB}alpha`);
    await terminal.see('There is already a machine called alpha.');
    expect(terminal.text).not.toContain('$ viv create');
    terminal.press('-2');
    await terminal.see('$ viv create debian-mini --name alpha-2 --start');
    terminal.press(`${TAB}9`);
    await terminal.see('CPUs is a whole number from 1 to 8.');
    terminal.press(`${TAB}12 cows${TAB}\r`);
    // The first wrong field has the keys.
    await terminal.see('▸ CPUs ✗');
    terminal.press(`\x152${TAB}\x15512M\r`);
    await terminal.see('alpha-2  ● running');
  });

  test('what the daemon refuses stands at the field, and what was typed stays', async () => {
    await using terminal = tui.open('alpha:defined', SIZE, {TAKEN: 'beta'});
    await terminal.see('alpha  ○ off');
    terminal.press(`n${TAB}beta\r`);
    await terminal.see('beta cannot be made now.');
    await terminal.see('▸ Name');
    terminal.press('-2\r');
    await terminal.see('beta-2  ● running');
  });

  test('goes through a catalog that is longer than its place, and tells what is cached', async () => {
    await using terminal = tui.open('alpha:defined', SIZE, {IMAGES: 'many'});
    await terminal.see('alpha  ○ off');
    terminal.press('n');
    await terminal.see('▸ debian-mini');
    expect(terminal.text).not.toContain('base-0');
    terminal.press(UP.repeat(9));
    await terminal.see('▸ base-0');
    await terminal.see('downloads about 163M');
    await terminal.see('The base of number 0.');
    await terminal.see('16G, taken as it is written');
    terminal.press(`${DOWN}${TAB}${TAB}${TAB}${TAB}20G`);
    await terminal.see('$ viv create base-1 --root-size 20G --start');
    terminal.press('\x152G');
    await terminal.see('The disk of base-1 is 16G at least.');
  });

  test('a machine that is not started says how it is', async () => {
    await using terminal = tui.open('alpha:defined');
    await terminal.see('alpha  ○ off');
    terminal.press(`n${BACK_TAB}\x1b[C`);
    await terminal.see('◂ no ▸');
    terminal.press('\r');
    await terminal.see('brave-otter is made; s starts it.');
    await terminal.see('brave-otter  ○ off');
  });

  test.each([
    [60, 20],
    [80, 24],
    [120, 35],
  ])('every field can be seen at %i×%i', async (columns, rows) => {
    await using terminal = tui.open('alpha:defined', {columns, rows}, {IMAGES: 'many'});
    await terminal.see('alpha');
    terminal.press('n');
    await terminal.see('▸ debian-mini');
    const labels = 'Name,CPUs,Memory,Root disk,Extra disk,Network,Switch,Ports,Folder,Group,Tags,Start'.split(',');
    for (const label of labels) {
      terminal.press(TAB);
      await terminal.see(`▸ ${label}`);
    }
    await terminal.see('Enter create and start');
    await terminal.see('$ viv create debian-mini --start');
    terminal.press(TAB);
    await terminal.see('▸ debian-mini');
  });

  test('a click goes to a field, and one on an image chooses it', async () => {
    await using terminal = tui.open('alpha:defined', SIZE, {IMAGES: 'many'});
    await terminal.see('alpha  ○ off');
    terminal.press('n');
    await terminal.see('▸ debian-mini');
    const click = (text: string) => {
      const row = terminal.rows.findIndex((line) => line.includes(text));
      terminal.press(`\x1b[<0;${(terminal.rows[row]?.indexOf(text) ?? 0) + 1};${row + 1}M`);
    };
    click('Memory');
    await terminal.see('▸ Memory');
    click('base-5');
    await terminal.see('▸ base-5');
  });
});

describe('the edit form', () => {
  test('changes the make, labels and name of a machine that is off', async () => {
    await using terminal = tui.open('alpha:defined,beta:defined');
    await terminal.see('alpha  ○ off');
    terminal.press('e');
    await terminal.see('Edit alpha');
    terminal.press(`\x15beta`);
    await terminal.see('There is already a machine called beta.');
    terminal.press(`\x15gamma${TAB}${TAB}\x15512M${BACK_TAB}\x152`);
    await terminal.see('$ viv edit alpha --memory 512M --cpus 2 && viv rename alpha gamma');
    terminal.press('\r');
    await terminal.see('gamma is changed; u takes back what it is made of.');
    await terminal.see('gamma  ○ off');
  });

  test('of a running machine says why its make stays, and changes its tags', async () => {
    await using terminal = tui.open('alpha:running');
    await terminal.see('alpha  ● running');
    terminal.press(`e${TAB}4`);
    await terminal.see('alpha is running: what it is made of can change when it is off');
    expect(terminal.text).not.toContain('$ viv edit');
    terminal.press(`${BACK_TAB}${BACK_TAB}web eu`);
    await terminal.see('$ viv tag alpha web eu');
    terminal.press('\r');
    await terminal.see('alpha is changed.');
  });

  test('E lends the terminal to viv edit, and says when nothing was changed', async () => {
    await using terminal = tui.open('alpha:defined', SIZE, {LENT_STATUS: '0'});
    await terminal.see('alpha  ○ off');
    terminal.press('E');
    await terminal.see('lent to edit id-alpha');
    terminal.press('\r');
    await terminal.see('alpha is as it was.');
  });
});
