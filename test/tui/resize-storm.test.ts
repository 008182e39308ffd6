/** Windows of changing size, full of wide characters: no cell is torn, none is left over. */
import {expect, test} from 'vitest';
import {differenceOf, screenCells} from '../support/screen-cells.js';
import {SeededRandom} from '../support/seeded-random.js';
import {tuiOfFile} from '../support/start-tui.js';

const tui = tuiOfFile();

const WIDE = [
  '日本語の行',
  '🚀🛰️ 打ち上げ',
  'e\u0301a\u0308o\u0302 marks',
  '한글 텍스트',
  '全角ＡＢＣ',
  '│ box ─┼─',
  'plain',
];
/** More rows than any screen has; some lines are longer than the widest pane, beginning at even and odd columns. */
const PRINTED = Array.from({length: 120}, (_, index) => {
  const piece = WIDE[index % WIDE.length] ?? '';
  const line = `${' '.repeat(index % 3)}${index} ${piece} `;
  return index % 10 === 9 ? `${line}${'漢字'.repeat(80)}x\r\n` : `${line}${piece}\r\n`;
}).join('');

const FLEET = '日本語-マシン:running,🚀-launch:running,e\u0301a\u0308:defined,한글:paused:그룹,plain:running:그룹';
const ENV = {FROZEN: '1', TZ: 'UTC', NETWORK: 'still', POINTS: '3', GUEST: PRINTED};

/** Tabs that are compared, and a text that is in each once it is shown. */
const TABS = [
  ['1', '119'],
  ['2', 'CPU'],
  ['5', 'no disk'],
  ['6', 'was created.'],
  ['7', 'debian-mini'],
] as const;

/** What may be on the screen in place of list and pane: the keys that lead there, and back. */
const ELSEWHERE = [
  ['W', 'W'],
  ['v', 'v'],
  ['+', '_'],
  ['_', '+'],
  ['?', 'x'],
] as const;

test.each([
  ['narrow', 1],
  ['wide', 2],
] as const)(
  'a hundred sizes leave what a program shows that never had another: %s emoji, seed %i',
  async (emoji, seed) => {
    const hasWideEmoji = emoji === 'wide';
    const random = new SeededRandom(seed);
    await using terminal = tui.open(FLEET, {columns: 120, rows: 35, hasWideEmoji}, ENV);
    await terminal.see('? help');
    let wayBack: string | undefined;
    for (let step = 1; step <= 100; step++) {
      const size = {columns: 60 + random.below(191), rows: 20 + random.below(61)};
      const seen = terminal.raw.length;
      terminal.resize(size.columns, size.rows);
      if (wayBack !== undefined) {
        terminal.press(wayBack);
        wayBack = undefined;
      } else if (random.chance(60)) {
        const [there, back] = random.pick(ELSEWHERE);
        terminal.press(there);
        wayBack = back;
      } else terminal.press(random.pick(['j', 'k', '1', '2', '3', '4', '6', '7']));
      // Now and then the program comes to draw in between.
      if (random.chance(50)) await terminal.until('to be drawn', () => terminal.raw.length > seen);
      if (step % 20 !== 0) continue;
      const [tab, sight] = TABS[step / 20 - 1] ?? TABS[0];
      terminal.press(`${wayBack ?? ''}g${tab}`);
      wayBack = undefined;
      await using other = tui.open(FLEET, {...size, hasWideEmoji}, ENV);
      await other.see('? help');
      other.press(`g${tab}`);
      await other.see(sight);
      await expect.poll(() => differenceOf(terminal, other), {timeout: 3000}).toBeUndefined();
    }
  },
);

test('scrolling through wide characters and dialogs above them leave what is drawn anew', async () => {
  await using terminal = tui.open(FLEET, {columns: 81, rows: 24}, ENV);
  await terminal.see('119');
  for (const [keys, sight] of [
    ...[1, 2, 3, 4, 5].map((page) => ['\x1b[5;2~', new RegExp(`↑ ${page * 17} of`)] as const),
    ['K', 'Force off'],
    ['n', '↑ 85 of'],
    ['m', 'Enter or its letter'],
    ['m', '↑ 85 of'],
    ['\x1b[6;2~', '↑ 68 of'],
  ] as const) {
    terminal.press(keys);
    await terminal.until(
      `to show ${sight}`,
      (text) =>
        (typeof sight === 'string' ? text.includes(sight) : sight.test(text)) &&
        !(keys === 'n' && text.includes('Force off ')),
    );
    const [before, drawn] = [screenCells(terminal), terminal.raw.length];
    terminal.kill('SIGWINCH');
    await terminal.until('to be drawn anew', () => terminal.raw.length > drawn + 81 * 24);
    expect(screenCells(terminal), String(sight)).toEqual(before);
  }
});

test('a window that was made smaller and as large again at once is drawn anew', async () => {
  await using terminal = tui.open('alpha:running', {columns: 120, rows: 35});
  await terminal.see('? help');
  for (let i = 0; i < 10; i++) {
    terminal.resize(60, 20);
    terminal.resize(120, 35);
  }
  await terminal.until('to be whole', () => terminal.rows.slice(1, -1).every((row) => row.length === 120));
});

test('a window that was resized while somebody else had the terminal has all of the screen afterwards', async () => {
  await using terminal = tui.open('alpha:running', {columns: 120, rows: 35}, {LENT_STATUS: '0'});
  await terminal.see('? help');
  terminal.press('o');
  await terminal.see('lent to ssh');
  terminal.resize(90, 28);
  terminal.press('\r');
  await terminal.until(
    'to be whole',
    (text) => text.includes('? help') && terminal.rows.slice(1, -1).every((row) => row.length === 90),
  );
});
