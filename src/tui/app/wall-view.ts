/** The consoles on the wall: a viewer for each machine that hangs there, of which one may have the keyboard. */
import type {ConsoleSessionOptions} from '../../manager/client.js';
import {insideOfTile} from '../state/layout.js';
import {wallMachines} from '../state/list.js';
import type {AppState} from '../state/model.js';
import type {Rect} from '../terminal/cells.js';
import type {Scene} from '../terminal/compositor.js';
import type {ConsoleHandle} from './backend.js';
import {ConsoleView, type ConsoleViewListener} from './console-view.js';
import {lookbackCursor, paintLookback} from './lookback-painter.js';

/** The size of a guest's screen until the guest's own is known. */
const USUAL_SIZE = {columns: 80, rows: 24};

/** See the module. */
export class WallView implements AsyncDisposable {
  private readonly open: (options: ConsoleSessionOptions) => Promise<ConsoleHandle>;
  private readonly listener: ConsoleViewListener;
  private readonly views = new Map<string, ConsoleView>();

  constructor(open: (options: ConsoleSessionOptions) => Promise<ConsoleHandle>, listener: ConsoleViewListener) {
    this.open = open;
    this.listener = listener;
  }

  /** Says which machines hang on the wall, and which of them has the keyboard. */
  update(machineIds: readonly string[], keyboardId: string | undefined): void {
    for (const [id, view] of this.views)
      if (!machineIds.includes(id)) {
        this.views.delete(id);
        void view[Symbol.asyncDispose]();
      }
    for (const machineId of machineIds) {
      const view = this.views.get(machineId) ?? new ConsoleView(this.open, this.listener);
      this.views.set(machineId, view);
      // Tiles are small: guests keep the size that they have.
      view.update({machineId, size: USUAL_SIZE, hasKeyboard: machineId === keyboardId, isOnlooker: true});
    }
  }

  /** The console of a machine that hangs on the wall. */
  viewOf(machineId: string | undefined): ConsoleView | undefined {
    return machineId === undefined ? undefined : this.views.get(machineId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const views = [...this.views.values()];
    this.views.clear();
    for (const view of views) await view[Symbol.asyncDispose]();
  }
}

/** What is painted of the wall; the cursor is that of the console with the keyboard, unless something hides it. */
export function wallScene(
  state: AppState,
  frames: readonly Rect[],
  view: WallView,
  isCovered: boolean,
): Pick<Scene, 'painters' | 'cursor'> {
  const painters: Scene['painters'][number][] = [];
  let cursor: Scene['cursor'];
  for (const [index, {id}] of wallMachines(state).entries()) {
    const frame = frames[index];
    const screen = view.viewOf(id)?.screen;
    if (!frame || !screen) continue;
    const rect = insideOfTile(frame);
    if (rect.width <= 0 || rect.height <= 0) continue;
    const {lookback} = state.console;
    if (lookback?.machineId === id) {
      painters.push({rect, paint: (grid, target) => paintLookback(lookback, grid, target)});
      if (!isCovered) cursor = lookbackCursor(lookback, rect);
      continue;
    }
    painters.push({rect, paint: (grid, target) => screen.paint(grid, target)});
    if (state.focus !== 'console' || id !== state.selectedId || isCovered) continue;
    const at = screen.cursorIn(rect.height);
    if (at && at.x < rect.width && at.y < rect.height) cursor = {x: rect.x + at.x, y: rect.y + at.y};
  }
  return {painters, cursor};
}
