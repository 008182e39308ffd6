/**
 * Between a person and the console on the screen: what is typed, pasted, scrolled, searched and copied. The view keeps the
 * console, the state says where one looks.
 */
import {consoleNotice} from '../screen.js';
import type {ConsoleNews} from '../state/console.js';
import type {AppEvent} from '../state/events.js';
import {layoutOf, wallRect} from '../state/list.js';
import {beginLookback, type Lookback, linesBelow, scrollBy} from '../state/lookback.js';
import {openPrompt, stepLookback} from '../state/lookback-keys.js';
import type {AppState} from '../state/model.js';
import {askAboutPaste} from '../state/paste.js';
import {formatBytes} from '../state/presenters/units.js';
import {awayReason, seenConsoles, selectedMachine, shownConsole} from '../state/selectors.js';
import type {Rect} from '../terminal/cells.js';
import {clipboardSequence, MAX_CLIPBOARD_BYTES} from '../terminal/clipboard.js';
import {MAX_PASTE_BYTES} from '../terminal/console-input.js';
import type {InputEvent, MouseEvent} from '../terminal/key-decoder.js';
import {encodeMouse} from '../terminal/mouse-report.js';
import type {ConsoleSession} from '../terminal/stdin-router.js';
import {text} from '../text/text.js';
import type {ConsoleView} from './console-view.js';

const WHEEL_LINES = 3;
// A guest can ask for the clipboard without end; the person is told of it this often.
const REFUSAL_MS = 10_000;

/** What the desk works with. */
export interface DeskParts {
  /** The console that has, or would have, the keyboard. */
  view(): ConsoleView;
  readonly env: NodeJS.ProcessEnv;
  getState(): AppState;
  dispatch(event: AppEvent): void;
  toast(text: string, tone?: 'info' | 'error'): void;
  /** The mouse was pressed beside the console that had the keyboard. */
  clicked(event: MouseEvent): void;
  /** Writes a sequence for the person's terminal itself. */
  tellTerminal(sequence: string): void;
}

/** Where a console is painted: the content of its pane below what is said about the machine, or its place on the wall. */
export function consoleRect(state: AppState): Rect | undefined {
  const {content, wall} = layoutOf(state);
  if (wall.length > 0) return wallRect(state);
  if (!content) return undefined;
  const notice = Math.min(content.height, consoleNotice(state, content.width).length);
  return {...content, y: content.y + notice, height: content.height - notice};
}

/** See the module. */
export class ConsoleDesk implements ConsoleSession {
  readonly #parts: DeskParts;
  #refusedAtMs = Number.NEGATIVE_INFINITY;

  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  /** Typed by the person: whoever looked back is at the end again. */
  send(bytes: Uint8Array): void {
    this.stopLooking();
    this.type(bytes);
  }

  /** Types into the guest, or says why nobody is there to read it. */
  type(bytes: Uint8Array): void {
    const away = awayReason(this.#state);
    if (away === undefined) this.#parts.view().send(bytes);
    else this.#parts.toast(away, 'error');
  }

  detached(): void {
    this.#parts.dispatch({type: 'focusMoved', focus: 'list'});
  }

  command(letter: string): void {
    if (letter === '?') {
      this.#parts.dispatch({type: 'overlayShown', overlay: {kind: 'console', dialog: {kind: 'chords'}}});
    } else this.lookBack(letter === '/');
  }

  scrolled(by: -1 | 1): void {
    this.scrollPages(by);
  }

  mouse(event: MouseEvent): void {
    const state = this.#state;
    if (state.overlay) return;
    const rect = consoleRect(state);
    const [x, y] = [event.x - (rect?.x ?? 0), event.y - (rect?.y ?? 0)];
    const isInside = x >= 0 && y >= 0 && x < (rect?.width ?? 0) && y < (rect?.height ?? 0);
    if (!rect || !isInside || !shownConsole(state)) {
      // A click beside the console is meant for what is there.
      if (event.action !== 'press' || state.focus !== 'console') return;
      this.detached();
      this.#parts.clicked(event);
      return;
    }
    const screen = this.#parts.view().screen;
    const hasKeyboard = state.focus !== 'list' && state.console.lookback === undefined;
    const by = event.action === 'wheel-up' ? -1 : event.action === 'wheel-down' ? 1 : undefined;
    if (screen && hasKeyboard && screen.modes.mouse !== 'none') {
      const at = {...event, x, y: y + screen.rowsHiddenAbove(rect.height)};
      const report = encodeMouse(at, screen.modes.mouse, screen.modes.hasSgrMouse);
      if (report) this.type(report);
    } else if (screen && hasKeyboard && by !== undefined && screen.modes.isAlternate) {
      // As terminals have it: a program on the whole screen is scrolled with the arrow keys.
      const prefix = screen.modes.hasApplicationCursor ? '\x1bO' : '\x1b[';
      this.type(Buffer.from(`${prefix}${by < 0 ? 'A' : 'B'}`.repeat(WHEEL_LINES)));
    } else if (by !== undefined) this.#scroll(() => by * WHEEL_LINES);
  }

  pasted(bytes: Uint8Array | undefined): void {
    const machine = selectedMachine(this.#state);
    if (!machine) return;
    if (bytes === undefined) {
      this.#parts.toast(text.consoleDesk.pasteTooLong(formatBytes(MAX_PASTE_BYTES), machine.name), 'error');
    } else if (bytes.length === 0) return;
    else if (this.#parts.view().screen?.modes.hasBracketedPaste) {
      this.send(Buffer.concat([Buffer.from('\x1b[200~'), bytes, Buffer.from('\x1b[201~')]));
    } else {
      const paste = askAboutPaste(machine.id, bytes);
      if (!paste) this.send(bytes);
      else {
        const dialog = {kind: 'paste', paste, isYes: false} as const;
        this.#parts.dispatch({type: 'overlayShown', overlay: {kind: 'console', dialog}});
      }
    }
  }

  scrollPages(pages: number): void {
    this.#scroll(({rows}) => pages * Math.max(1, rows - 1));
  }

  lookBack(isSearch: boolean): void {
    const look = this.#state.console.lookback ?? this.#capture('copy');
    if (!look) return;
    // From where one has scrolled to, the cursor starts in what is seen.
    const copying = scrollBy({...look, mode: 'copy'}, 0);
    this.#look(isSearch ? openPrompt(copying) : copying);
  }

  stopLooking(): void {
    if (this.#state.console.lookback) this.#look(undefined);
  }

  handleLookback(event: InputEvent): void {
    const look = this.#state.console.lookback;
    if (!look) return;
    const step = stepLookback(look, event);
    this.#look(step.kind === 'moved' ? step.look : undefined);
    if (step.kind === 'copied') this.copy(step.text);
  }

  copy(copied: string): void {
    const {tellTerminal, toast, env} = this.#parts;
    if (copied === '') {
      toast(text.consoleDesk.nothingToCopy, 'error');
      return;
    }
    const size = formatBytes(Buffer.byteLength(copied));
    const sequence = clipboardSequence(copied, env);
    if (sequence === undefined) {
      const most = formatBytes(MAX_CLIPBOARD_BYTES);
      const name = selectedMachine(this.#state)?.name ?? 'NAME';
      toast(text.consoleDesk.copyTooLong(size, most, name), 'error');
      return;
    }
    tellTerminal(sequence);
    toast(text.consoleDesk.copied(copied.split('\n').length, size));
  }

  /** The guest of a console printed something. */
  printed(machineId: string): void {
    if (this.#state.console.lookback) this.#tell({type: 'lookbackOutdated', machineId});
  }

  /** A guest wanted to use the clipboard. */
  clipboardRefused(): void {
    const now = performance.now();
    if (now - this.#refusedAtMs < REFUSAL_MS) return;
    this.#refusedAtMs = now;
    this.#parts.toast(text.consoleDesk.clipboardRefused, 'error');
  }

  /** Brings this part of the state in line with the rest of it; to be called after every event. */
  sync(): void {
    const state = this.#state;
    const {lookback, unseen} = state.console;
    const machine = shownConsole(state);
    for (const {id} of seenConsoles(state)) if (unseen.has(id)) this.#tell({type: 'seen', machineId: id});
    if (!lookback) return;
    const rect = consoleRect(state);
    if (machine?.id !== lookback.machineId || !rect) this.#look(undefined);
    else if (lookback.rows !== rowsOf(rect)) this.#tell({type: 'lookbackResized', rows: rowsOf(rect)});
  }

  get #state(): AppState {
    return this.#parts.getState();
  }

  #scroll(linesFor: (look: Lookback) => number): void {
    const before = this.#state.console.lookback;
    const look = before ?? this.#capture('scroll');
    if (!look) return;
    const lines = linesFor(look);
    const next = scrollBy(look, lines);
    if (next.mode === 'scroll' && linesBelow(next) === 0) {
      if (before) this.#look(undefined);
      else if (lines < 0) this.#parts.toast(text.consoleDesk.atTop);
    } else this.#look(next);
  }

  #capture(mode: Lookback['mode']): Lookback | undefined {
    const state = this.#state;
    const [machine, rect, screen] = [shownConsole(state), consoleRect(state), this.#parts.view().screen];
    if (!machine || !rect || !screen) {
      this.#parts.toast(text.consoleDesk.notShown, 'error');
      return undefined;
    }
    const transcript = screen.capture();
    const at = screen.cursor ?? {x: 0, y: screen.size.rows - 1};
    const cursor = {line: transcript.lines - screen.size.rows + at.y, column: at.x};
    return beginLookback(machine.id, transcript, {mode, rows: rowsOf(rect), cursor});
  }

  #look(lookback: Lookback | undefined): void {
    this.#tell({type: 'lookedBack', lookback});
  }

  #tell(news: ConsoleNews): void {
    this.#parts.dispatch({type: 'console', news});
  }
}

/** Below what is looked back at stands a line. */
function rowsOf(rect: Rect): number {
  return Math.max(1, rect.height - 1);
}
