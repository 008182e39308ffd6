import {afterEach, beforeEach, expect, test, vi} from 'vitest';
import type {CellGrid} from '../../../src/tui/terminal/cells.js';
import {Compositor, type Scene} from '../../../src/tui/terminal/compositor.js';
import {paintText} from '../../../src/tui/terminal/paint-text.js';

class Output {
  readonly frames: string[] = [];
  isFull = false;
  private drained: (() => void) | undefined;
  write(text: string): boolean {
    this.frames.push(text);
    return !this.isFull;
  }
  once(_event: 'drain', listener: () => void): void {
    this.drained = listener;
  }
  drain(): void {
    this.isFull = false;
    this.drained?.();
  }
}

const EMPTY: Scene = {painters: [], overlays: [], cursor: undefined};
let output: Output;
let scene: Scene;
let compositor: Compositor;

beforeEach(() => {
  vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout', 'performance']});
  output = new Output();
  scene = EMPTY;
  compositor = new Compositor({
    output,
    columns: 20,
    rows: 3,
    profile: {depth: 'none', isAscii: false},
    scene: () => scene,
    maxFps: 20,
  });
});
afterEach(() => {
  compositor[Symbol.dispose]();
  vi.useRealTimers();
});

const painter = (text: string, x = 0) => ({
  rect: {x, y: 0, width: 10, height: 1},
  paint: (grid: CellGrid, rect: {x: number; y: number; width: number}) =>
    paintText(grid, rect.x, rect.y, rect.width, text),
});

test('many changes within one frame time become one frame', () => {
  for (let count = 0; count < 50; count++) compositor.sink.write(`count ${count}`);
  vi.advanceTimersByTime(1000);
  expect(output.frames).toHaveLength(1);
  expect(output.frames[0]).toContain('count 49');
});

test('frames are no closer than the frame rate allows', () => {
  const times: number[] = [];
  for (let elapsed = 0; elapsed < 500; elapsed += 5) {
    compositor.sink.write(`at ${elapsed}`);
    vi.advanceTimersByTime(5);
    if (output.frames.length > times.length) times.push(elapsed);
  }
  expect(times.length).toBeLessThanOrEqual(11);
  expect(times.length).toBeGreaterThan(7);
});

test('nothing is written while nothing changes', () => {
  compositor.sink.write('same');
  vi.advanceTimersByTime(100);
  compositor.sink.write('same');
  compositor.requestFrame();
  vi.advanceTimersByTime(100);
  expect(output.frames).toHaveLength(1);
});

test('painters lie above Ink, and Ink’s overlays above painters', () => {
  compositor.sink.write('dialog text here');
  scene = {painters: [painter('PAINTED!')], overlays: [{x: 4, y: 0, width: 3, height: 1}], cursor: undefined};
  compositor.flush();
  expect(compositor.cells?.rowText(0)).toBe('PAINog !ext here');
});

test('a slow terminal gets the newest frame, not all of them', () => {
  output.isFull = true;
  compositor.sink.write('one');
  vi.advanceTimersByTime(100);
  for (const text of ['two', 'three', 'four']) {
    compositor.sink.write(text);
    vi.advanceTimersByTime(100);
  }
  expect(output.frames).toHaveLength(1);
  output.drain();
  vi.advanceTimersByTime(100);
  expect(output.frames).toHaveLength(2);
  expect(output.frames[1]).toContain('four');
});

test('after a resize the whole screen is written and Ink is told', () => {
  compositor.sink.write('abc');
  vi.advanceTimersByTime(100);
  const resized = vi.fn();
  compositor.sink.on('resize', resized);
  compositor.resize(10, 2);
  expect(resized).toHaveBeenCalledOnce();
  expect(compositor.sink.columns).toBe(10);
  compositor.sink.write('abc');
  vi.advanceTimersByTime(100);
  expect(output.frames.at(-1)).toContain('abc');
});

test('the cursor is shown where the scene wants it', () => {
  compositor.sink.write('abc');
  scene = {...EMPTY, cursor: {x: 3, y: 1}};
  compositor.flush();
  expect(output.frames[0]).toMatch(/\[2;4H.\[\?25h.\[\?2026l$/);
});
