import {expect, test} from 'vitest';
import {ATTR_BOLD, CellGrid, COLOR_RGB_FLAG} from '../../../src/tui/terminal/cells.js';
import {GuestScreen} from '../../../src/tui/terminal/guest-screen.js';

// A screen that has taken in the given output.
async function screenAfter(feed: (screen: GuestScreen) => void): Promise<{screen: GuestScreen; answers: string}> {
  let answers = '';
  const changed = Promise.withResolvers<void>();
  const screen = new GuestScreen(20, 4, {
    changed: () => changed.resolve(),
    answered: (bytes) => {
      answers += new TextDecoder().decode(bytes);
    },
  });
  feed(screen);
  await changed.promise;
  return {screen, answers};
}

const bytes = (text: string) => new TextEncoder().encode(text);

test('cells keep their colours and attributes', async () => {
  const {screen} = await screenAfter((one) => one.write(bytes('\x1b[1;31mA\x1b[0m\x1b[38;2;1;2;3mB')));
  const grid = new CellGrid(20, 4);
  screen.paint(grid, {x: 2, y: 1, width: 10, height: 3});
  expect(grid.rowText(1)).toBe('  AB');
  expect([grid.fg[22], grid.attrs[22]]).toEqual([1, ATTR_BOLD]);
  expect(grid.fg[23]).toBe(COLOR_RGB_FLAG | 0x010203);
});

test('painting stays inside its rectangle, wide characters too', async () => {
  const {screen} = await screenAfter((one) => one.write(bytes('ab日本語')));
  const grid = new CellGrid(20, 4);
  grid.set(5, 0, '|', 1, -1, -1, 0);
  screen.paint(grid, {x: 0, y: 0, width: 5, height: 1});
  expect(grid.rowText(0)).toBe('ab日 |');
});

test('queries of live output are answered, those of replayed output are not', async () => {
  expect((await screenAfter((one) => one.write(bytes('ab\x1b[6n')))).answers).toBe('\x1b[1;3R');
  expect((await screenAfter((one) => one.replay(bytes('ab\x1b[6n')))).answers).toBe('');
});

test('a hidden cursor is hidden, a reset shows it', async () => {
  expect((await screenAfter((one) => one.write(bytes('ab\x1b[?25l')))).screen.cursor).toBeUndefined();
  expect((await screenAfter((one) => one.write(bytes('\x1b[?25l\x1bcab')))).screen.cursor).toEqual({x: 2, y: 0});
});

test('modes of the guest are told', async () => {
  const {screen} = await screenAfter((one) => one.write(bytes('\x1b[?1h\x1b[?2004h')));
  expect(screen.modes).toEqual({
    hasApplicationCursor: true,
    hasApplicationKeypad: false,
    hasBracketedPaste: true,
    mouse: 'none',
    hasSgrMouse: false,
    isAlternate: false,
  });
});

test('what its programs ask of the mouse is told, and forgotten by a reset', async () => {
  const {screen} = await screenAfter((one) => one.write(bytes('\x1b[?1002h\x1b[?1006h\x1b[?1049h')));
  expect(screen.modes).toMatchObject({mouse: 'drag', hasSgrMouse: true, isAlternate: true});
  await screen.replay(bytes('\x1bc'));
  expect(screen.modes).toMatchObject({mouse: 'none', hasSgrMouse: false, isAlternate: false});
});

test('it tells of clipboard writes, but not of old ones, and does nothing with them', async () => {
  let refusedCount = 0;
  const listener = {changed: () => undefined, answered: () => undefined, clipboardRefused: () => refusedCount++};
  const screen = new GuestScreen(20, 4, listener);
  await screen.replay(bytes('\x1b]52;c;RVZJTA==\x07old'));
  expect(refusedCount).toBe(0);
  screen.write(bytes('\x1b]52;c;RVZJTA==\x07\x1b]52;c;?\x1b\\new'));
  await screen.replay(bytes(''));
  expect(refusedCount).toBe(2);
  expect(screen.text[0]).toBe('oldnew');
});

test('what shows the same again has no other sequence of the guest', async () => {
  const {screen} = await screenAfter((one) => one.write(bytes('\x1b]0;EVIL\x07\x1b[31mred\x1b[0m\x1b[c')));
  const again = await screenAfter((one) => one.write(bytes(screen.serialize())));
  expect(screen.serialize()).not.toContain('EVIL');
  expect(again.screen.text[0]).toBe('red');
});

test('a capture has what lies above, and stands still', async () => {
  const {screen} = await screenAfter((one) =>
    one.write(bytes(Array.from({length: 10}, (_, n) => `line ${n}`).join('\r\n'))),
  );
  const transcript = screen.capture();
  await screen.replay(bytes('\r\nmore'));
  expect(transcript.lines).toBe(10);
  const grid = new CellGrid(20, 4);
  transcript.paint(grid, {x: 0, y: 0, width: 20, height: 4}, 4);
  expect(grid.rowText(0)).toBe('line 4');
});

test('in a rectangle that is too low it shows the rows up to the cursor', async () => {
  const {screen} = await screenAfter((one) => one.write(bytes('one\r\ntwo\r\nthree')));
  const grid = new CellGrid(20, 4);
  screen.paint(grid, {x: 0, y: 0, width: 20, height: 2});
  expect([grid.rowText(0), grid.rowText(1)]).toEqual(['two', 'three']);
  expect(screen.cursorIn(2)).toEqual({x: 5, y: 1});
});
