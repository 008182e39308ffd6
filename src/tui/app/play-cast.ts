/**
 * Plays a recording on the person's terminal. It is painted from an emulated screen, like a guest's console: whatever a file
 * holds, nothing of it acts on the terminal itself.
 */
import {constants} from 'node:os';
import type {ReadStream, WriteStream} from 'node:tty';
import type {OpenCast} from '../casts/cast-reader.js';
import {PlayClock} from '../casts/play-clock.js';
import {formatDuration} from '../state/presenters/units.js';
import {ATTR_INVERSE, PLAIN} from '../terminal/cells.js';
import {fitCells} from '../terminal/char-width.js';
import {Compositor, type Scene} from '../terminal/compositor.js';
import {GuestScreen} from '../terminal/guest-screen.js';
import {detectAscii, detectColorDepth, HostTerminal} from '../terminal/host-terminal.js';
import type {InputEvent} from '../terminal/key-decoder.js';
import {paintText} from '../terminal/paint-text.js';
import {StdinRouter} from '../terminal/stdin-router.js';
import {text} from '../text/text.js';

const SKIP_MS = 5000;
const STATUS_MS = 1000;

/** How it is played. Units: `idleSeconds`, the longest pause */
export interface PlayOptions {
  readonly input: ReadStream;
  readonly output: WriteStream;
  readonly env: NodeJS.ProcessEnv;
  readonly title: string;
  readonly speed: number;
  readonly idleSeconds: number;
}

/** Plays until the person leaves. Resolves with the exit status. Errors: bad-recording, where the file is read */
export async function playCast({header, events}: OpenCast, options: PlayOptions): Promise<number> {
  const {input, output, env} = options;
  const size = () => ({columns: output.columns || 80, rows: output.rows || 24});
  const left = new AbortController();
  let status = 0;
  let isEnd = false;
  using stack = new DisposableStack();
  const clock = new PlayClock(options.speed);
  const screen = stack.use(
    new GuestScreen(header.size.columns, header.size.rows, {
      changed: () => compositor.requestFrame(),
      answered: () => undefined,
    }),
  );
  const host = stack.use(
    new HostTerminal(
      input,
      output,
      () => compositor.resize(size().columns, size().rows),
      (signal) => leave(128 + constants.signals[signal]),
    ),
  );
  const compositor: Compositor = stack.use(
    new Compositor({
      output,
      ...size(),
      profile: {depth: detectColorDepth(env), isAscii: detectAscii(env)},
      scene,
    }),
  );
  stack.use(new StdinRouter(input, handle));

  function leave(how: number): void {
    status = how;
    left.abort();
  }

  function handle(event: InputEvent): void {
    const key = event.kind === 'key' ? event.key : '';
    if (['q', 'esc', 'ctrl-c'].includes(key) || (isEnd && key === 'enter')) leave(0);
    else if (key === 'space' || key === 'p') clock.setPaused(!clock.isPaused);
    else if (key === '+' || key === '=') clock.setSpeed(clock.speed * 2);
    else if (key === '-') clock.setSpeed(clock.speed / 2);
    else if (key === 'right' || key === 'l') clock.skip(SKIP_MS);
    compositor.requestFrame();
  }

  function scene(): Scene {
    const words = text.casts.player;
    const {columns, rows} = size();
    const rect = {x: 0, y: 0, width: columns, height: Math.max(1, rows - 1)};
    const how = isEnd ? words.end : clock.isPaused ? words.paused : words.speed(clock.speed);
    const keys = isEnd ? words.keysAtEnd : words.keys;
    const line = fitCells(` ${options.title} · ${formatDuration(clock.at)} · ${how} · ${keys}`, columns);
    const at = screen.cursorIn(rect.height);
    return {
      painters: [
        {rect, paint: (grid, target) => screen.paint(grid, target)},
        {
          rect: {...rect, y: rows - 1, height: 1},
          paint: (grid, target) => paintText(grid, 0, target.y, columns, line, {...PLAIN, attrs: ATTR_INVERSE}),
        },
      ],
      overlays: [],
      cursor: at && at.x < rect.width && at.y >= 0 && at.y < rect.height ? at : undefined,
    };
  }

  host.enter();
  input.once('end', () => leave(0));
  output.on('error', () => leave(1));
  const seconds = setInterval(() => compositor.requestFrame(), STATUS_MS);
  stack.defer(() => clearInterval(seconds));
  compositor.requestFrame();
  const idleMs = options.idleSeconds * 1000;
  // How much of the recording's pauses was left out so far.
  let omittedMs = 0;
  let lastMs = 0;
  for await (const event of events) {
    const eventMs = event.atSeconds * 1000;
    omittedMs += Math.max(0, eventMs - lastMs - idleMs);
    lastMs = eventMs;
    if (!(await clock.until(eventMs - omittedMs, left.signal))) break;
    if (event.kind === 'output') await screen.replay(Buffer.from(event.text));
    else if (event.kind === 'resized') screen.resize(event.size.columns, event.size.rows);
  }
  isEnd = true;
  clock.setPaused(true);
  compositor.requestFrame();
  if (!left.signal.aborted)
    await new Promise<void>((resolve) => left.signal.addEventListener('abort', () => resolve(), {once: true}));
  return status;
}
