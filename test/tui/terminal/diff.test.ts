import * as headless from '@xterm/headless';
import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {CellGrid, PLAIN, stripControls} from '../../../src/tui/terminal/cells.js';
import {diffGrids, type OutputProfile} from '../../../src/tui/terminal/diff.js';
import {drawFrame} from '../../../src/tui/terminal/frame-parser.js';
import {paintText} from '../../../src/tui/terminal/paint-text.js';
import {Unicode11Addon} from '../../../src/tui/terminal/unicode11.js';

const {Terminal} = (headless as typeof headless & {default?: typeof headless}).default ?? headless;
const PROFILE: OutputProfile = {depth: 'truecolor', isAscii: false};

function gridOf(columns: number, lines: readonly string[]): CellGrid {
  const grid = new CellGrid(columns, lines.length);
  drawFrame(grid, lines.join('\n'));
  return grid;
}

// What a terminal shows after the given output: characters and the colours that count.
async function shown(columns: number, rows: number, output: string): Promise<string[]> {
  const terminal = new Terminal({cols: columns, rows, allowProposedApi: true});
  terminal.loadAddon(new Unicode11Addon());
  terminal.unicode.activeVersion = '11';
  await new Promise<void>((resolve) => terminal.write(`\x1b[?7l${output}`, resolve));
  const cells: string[] = [];
  for (let y = 0; y < rows; y++) {
    const line = terminal.buffer.active.getLine(y);
    for (let x = 0; x < columns; x++) {
      const cell = line?.getCell(x);
      if (cell && cell.getWidth() > 0)
        cells.push(`${cell.getChars() || ' '}/${cell.getFgColor()}/${cell.getBgColor()}/${cell.isBold()}`);
    }
  }
  terminal.dispose();
  return cells;
}

describe('the difference of two screens', () => {
  test('is empty for equal screens', () => {
    expect(diffGrids(gridOf(10, ['abc']), gridOf(10, ['abc']), PROFILE)).toBe('');
  });

  test('writes only what changed', () => {
    const output = diffGrids(
      gridOf(40, ['the quick brown fox jumps']),
      gridOf(40, ['the quick green fox jumps']),
      PROFILE,
    );
    expect(output).toContain('\x1b[1;11H');
    expect(output).toContain('gree');
    expect(output).not.toContain('quick');
    expect(output).not.toContain('fox');
  });

  test('applied to the old screen gives the new one', async () => {
    const line = fc
      .array(fc.constantFrom('a', 'b', ' ', '日', '\x1b[31m', '\x1b[1m', '\x1b[0m', 'é', '│', '\x1b[48;5;200m'), {
        maxLength: 30,
      })
      .map((parts) => parts.join(''));
    const screen = fc.array(line, {minLength: 4, maxLength: 4});
    await fc.assert(
      fc.asyncProperty(screen, screen, async (one, two) => {
        const before = gridOf(20, one);
        const after = gridOf(20, two);
        const first = diffGrids(undefined, before, PROFILE);
        const second = diffGrids(before, after, PROFILE);
        expect(await shown(20, 4, first + second)).toEqual(await shown(20, 4, diffGrids(undefined, after, PROFILE)));
      }),
      {numRuns: 150},
    );
  });

  test('reduces colours to what the terminal has', () => {
    const red = gridOf(3, ['\x1b[38;2;255;0;0mx']);
    expect(diffGrids(undefined, red, PROFILE)).toContain('38;2;255;0;0');
    expect(diffGrids(undefined, red, {depth: '256', isAscii: false})).toContain('38;5;196');
    expect(diffGrids(undefined, red, {depth: '16', isAscii: false})).toContain('\x1b[0;91m');
    expect(diffGrids(undefined, red, {depth: 'none', isAscii: false})).not.toContain('91');
  });

  test('replaces glyphs in an ASCII locale, keeping widths', () => {
    const output = diffGrids(undefined, gridOf(8, ['╭─╮●日x']), {depth: 'none', isAscii: true});
    expect(output).toContain('+-+*? ');
    expect(output).toContain('x');
  });
});

describe('cells', () => {
  test('never hold a control character', () => {
    const grid = new CellGrid(4, 1);
    grid.set(0, 0, '\x1b', 1, -1, -1, 0);
    grid.set(1, 0, '\x9b', 1, -1, -1, 0);
    grid.set(2, 0, 'a\x1b]0;t', 1, -1, -1, 0);
    grid.combine(3, 0, '\x07');
    expect(grid.rowText(0)).toBe('  a]0;t');
    expect(stripControls('a\x1b[2Jb\u202ec')).toBe('a[2Jbc');
  });

  test('half of an overwritten wide character becomes a blank', () => {
    const grid = gridOf(6, ['日本']);
    paintText(grid, 1, 0, 1, 'x', PLAIN);
    expect(grid.rowText(0)).toBe(' x本');
    paintText(grid, 2, 0, 1, 'y', PLAIN);
    expect(grid.rowText(0)).toBe(' xy');
  });

  test('a wide character that does not fit in the last column is not drawn', () => {
    expect(gridOf(3, ['ab日']).rowText(0)).toBe('ab');
  });
});
