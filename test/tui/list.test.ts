import {describe, expect, test} from 'vitest';
import {tuiOfFile} from '../support/start-tui.js';

const tui = tuiOfFile();

const many = (count: number, state = 'running') =>
  Array.from({length: count}, (_, index) => `m-${index + 1}:${state}`).join(',');

describe('marks', () => {
  test('Space marks and goes on, and a letter acts on all that are marked', async () => {
    await using terminal = tui.open('a:running,b:running,c:running');
    await terminal.see('a  ● running');
    terminal.press('  ');
    await terminal.see('Machines · 2 marked');
    expect(terminal.text).toContain(' ✓a');
    terminal.press('p');
    await terminal.see('2 machines paused or resumed.');
    expect(terminal.text).toMatch(/a +‖ pause/);
    expect(terminal.text).toMatch(/b +‖ pause/);
    expect(terminal.text).toMatch(/c +● run/);
  });

  test('what cannot be done to some is told, and Esc takes the marks away', async () => {
    await using terminal = tui.open('a:running,b:defined');
    await terminal.see('a  ● running');
    terminal.press('\x01');
    await terminal.see('2 marked');
    terminal.press('t');
    await terminal.see('1 machine has a new snapshot. 1 could not be in the state they are in.');
    terminal.press('\x1b');
    await terminal.until('to hide the message', (text) => !text.includes('could not'));
    terminal.press('\x1b');
    await terminal.until('to show no marks', (text) => !text.includes('marked'));
  });

  test('* turns them around', async () => {
    await using terminal = tui.open('a:running,b:running,c:running');
    await terminal.see('a  ● running');
    terminal.press(' *');
    await terminal.see('Machines · 2 marked');
    expect(terminal.text).toMatch(/✓b/);
    expect(terminal.text).not.toMatch(/✓a/);
  });

  test('forcing several off asks once for all, and No is what Enter takes', async () => {
    await using terminal = tui.open('a:running,b:running,c:running');
    await terminal.see('a  ● running');
    terminal.press('  K');
    await terminal.see('Force a and b off?');
    terminal.press('\r');
    await terminal.until('to close the question', (text) => !text.includes('Force a and b off?'));
    terminal.press('Ky');
    await terminal.see('2 machines forced off.');
    expect(terminal.text).toMatch(/c +● run/);
  });

  test('more than twenty need a phrase with their number', async () => {
    await using terminal = tui.open(many(25));
    await terminal.see('m-1  ● running');
    terminal.press('\x01S');
    await terminal.see('Type shut down 25 to do it:');
    terminal.press('y\r');
    await terminal.see('to do it: y');
    terminal.press('\x15shut down 25');
    await terminal.see('Enter: do it');
    terminal.press('\r');
    await terminal.see('25 machines are off.');
  });
});

describe('the order of the list', () => {
  test('< and > change the column, = the direction', async () => {
    await using terminal = tui.open('a:running,b:paused');
    await terminal.see('NAME↓');
    terminal.press('>');
    await terminal.see('STATE↓');
    terminal.press('=');
    await terminal.see('STATE↑');
    const rowOf = (name: string) => terminal.rows.findIndex((row) => new RegExp(`^│..${name} `).test(row));
    expect(rowOf('b')).toBeLessThan(rowOf('a'));
    terminal.press('<');
    await terminal.see('NAME↑');
  });

  test('groups fold, b lists by something else', async () => {
    await using terminal = tui.open('alone:defined,w-1:running:web,w-2:defined:web');
    await terminal.see('- web  1 of 2 run');
    terminal.press('jz');
    await terminal.see('+ web  1 of 2 run');
    expect(terminal.text).not.toContain('w-2');
    // Letters act on all of a group.
    terminal.press('s');
    await terminal.see('+ web  2 of 2 run');
    terminal.press('\r');
    await terminal.see('w-2');
    terminal.press('b');
    await terminal.see('- running  2 of 2 run');
    await terminal.see('- off  0 of 1 run');
  });

  test('500 machines are gone through by pages', async () => {
    await using terminal = tui.open(many(500, 'defined'));
    await terminal.see('1 of 500');
    terminal.press('G');
    await terminal.see('500 of 500');
    terminal.press('\x1b[5~');
    await terminal.see('471 of 500');
    terminal.press('/m-77\rg');
    await terminal.see('m-77  ○ off');
  });

  test('a filter that makes no sense says so while it is typed', async () => {
    await using terminal = tui.open('a:running');
    await terminal.see('a  ● running');
    terminal.press('/color:red');
    await terminal.see('There is no color: to filter by; there are state: tag: group: driver: image:.');
  });
});

describe('the palette', () => {
  test('finds actions by words, shows their keys and commands, and does them', async () => {
    await using terminal = tui.open('alpha:running');
    await terminal.see('alpha  ● running');
    terminal.press(':');
    await terminal.see('What to do');
    terminal.press('viv pause');
    await terminal.see(/▸ p +Pause the machine; again resumes it\. +viv pause alpha/);
    terminal.press('\r');
    await terminal.see('alpha  ‖ paused');
  });

  test('says why something cannot be done, and goes to machines', async () => {
    await using terminal = tui.open('alpha:defined,zulu:running');
    await terminal.see('alpha  ○ off');
    terminal.press('\x10pause the');
    await terminal.see('alpha is off.');
    terminal.press('\x15zulu');
    await terminal.see('▸ ');
    await terminal.see('Go to zulu.');
    terminal.press('\r');
    await terminal.see('zulu  ● running');
    terminal.press(':qqqqzzz');
    await terminal.see('Nothing is called that.');
    terminal.press('\x1b');
    await terminal.until('to close', (text) => !text.includes('Nothing is called that.'));
  });
});

describe('the menu of a machine', () => {
  test('lists what can be done with the letters, and takes them', async () => {
    await using terminal = tui.open('alpha:running');
    await terminal.see('alpha  ● running');
    terminal.press('m');
    await terminal.see('Enter or its letter');
    await terminal.see(/K +Force the machine off/);
    terminal.press('p');
    await terminal.see('alpha  ‖ paused');
    expect(terminal.text).not.toContain('Force the machine off');
  });
});

describe('the arrangement', () => {
  test('+ and _ give the room to the pane or the list', async () => {
    await using terminal = tui.open('alpha:running');
    await terminal.see('alpha  ● running');
    terminal.press('+');
    await terminal.until('to hide the list', (text) => !text.includes('Machines'));
    expect(terminal.text).toContain('1 Console');
    terminal.press('+');
    await terminal.see('The pane has all of the screen');
    terminal.press('__');
    await terminal.until('to hide the pane', (text) => !text.includes('1 Console') && text.includes('Machines'));
    terminal.press('\r');
    await terminal.see('leaves (twice sends it)');
  });

  test('the wall shows several consoles live, and Enter types into one of them', async () => {
    await using terminal = tui.open('a:running,b:running,c:running,d:defined');
    await terminal.see('a  ● running');
    terminal.press('W');
    await terminal.see('▸ a  ● running');
    expect(terminal.text).toContain('c  ● running');
    expect(terminal.text).not.toContain('d  ○ off');
    await terminal.until('to show three prompts', (text) => (text.match(/~ # /g)?.length ?? 0) === 3);
    terminal.press('j\r');
    await terminal.see('Ctrl-] leaves');
    terminal.press('hello\r');
    await terminal.see('~ # hello');
    // The guest keeps the size it had.
    terminal.press('stty size\r');
    await terminal.see('undefined');
    terminal.press('\x1d');
    await terminal.see('Enter types into it');
    terminal.press('\x1b');
    await terminal.see('Machines');
  });

  test('a console on the wall is scrolled, searched and copied from where it hangs', async () => {
    await using terminal = tui.open('a:running,b:running');
    await terminal.see('a  ● running');
    terminal.press('W');
    await terminal.see('▸ a  ● running');
    terminal.press('j\r');
    await terminal.see('Ctrl-] leaves');
    terminal.press(`${Array.from({length: 60}, (_, line) => `word-${line}`).join('\r')}\r`);
    await terminal.see('word-59');
    terminal.press('\x1b[5;2~');
    await terminal.until('to show what scrolled out', (text) => /word-2\d/.test(text) && !text.includes('word-59'));
    // The other one goes on beside it.
    expect(terminal.text).toContain('~ # ');
    terminal.press('\r~/');
    await terminal.see('/ ');
    terminal.press('word-33');
    await terminal.see('1 of 1');
    terminal.press('\r');
    terminal.press('y');
    await terminal.see('Copied 1 line');
    expect(terminal.raw).toContain(Buffer.from('~ # word-33').toString('base64').slice(0, 8));
    terminal.press('q');
    await terminal.see('word-59');
  });

  test('a tab that is wanted on the wall is shown beside the list', async () => {
    await using terminal = tui.open('a:running,b:running');
    await terminal.see('a  ● running');
    terminal.press('W');
    await terminal.see('Enter types into it');
    terminal.press('7');
    await terminal.see('Machines');
    await terminal.see('command line');
  });
});
