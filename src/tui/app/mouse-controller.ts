/**
 * What the mouse does: a click goes to a row, a tab, a hint or the console; a second one opens; the wheel moves; the right
 * button opens the menu; the divider between list and pane is dragged.
 */
import type {Action, ActionContext} from '../keys/action.js';
import {hintSpans} from '../keys/hints.js';
import {firstEntry, menuEntries, type PaletteEntry, paletteEntries} from '../keys/palette.js';
import {LIST_HEAD_ROWS, listHeight, overlayRect, scrolledHelp} from '../screen.js';
import {isFleetInSight} from '../state/graphs.js';
import {clampListWidth} from '../state/layout.js';
import {firstListRow, layoutOf, listRows, wallMachines} from '../state/list.js';
import {type AppState, TABS} from '../state/model.js';
import {fleetMachineAt} from '../state/presenters/fleet-view.js';
import {tabSpans} from '../state/presenters/tabs.js';
import {ANSWERS} from '../state/questions.js';
import {isFirstRun} from '../state/selectors.js';
import type {Rect} from '../terminal/cells.js';
import {textWidth} from '../terminal/char-width.js';
import type {InputEvent} from '../terminal/key-decoder.js';
import {text} from '../text/text.js';
import type {InputController} from './input-controller.js';
import {pressMachineForm} from './machine-form-keys.js';

type MouseEvent = Extract<InputEvent, {kind: 'mouse'}>;

const RIGHT_BUTTON = 2;
/** Two clicks on one row within this time open it. */
const DOUBLE_CLICK_MS = 400;
const WHEEL_ROWS = 3;

function isInside({x, y, width, height}: Rect, at: {readonly x: number; readonly y: number}): boolean {
  return at.x >= x && at.x < x + width && at.y >= y && at.y < y + height;
}

/** See the module. */
export class MouseController {
  private readonly actions: readonly Action[];
  private isDragging = false;
  private lastClick: {readonly id: string; readonly atMs: number} | undefined;

  constructor(actions: readonly Action[]) {
    this.actions = actions;
  }

  /** Handles one event. Presses of keys that follow from it go through `input`. */
  handle(event: MouseEvent, context: ActionContext, input: InputController): void {
    const {state} = context;
    if (event.action === 'wheel-up' || event.action === 'wheel-down') this.roll(event, context, input);
    else if (event.action === 'release') this.isDragging = false;
    else if (event.action === 'move') this.drag(event, context);
    else if (state.overlay) this.pressOverlay(event, context, input);
    else this.press(event, context, input);
  }

  private roll(event: MouseEvent, {state, dispatch, console}: ActionContext, input: InputController): void {
    const by = event.action === 'wheel-up' ? -1 : 1;
    const {overlay} = state;
    if (overlay?.kind === 'help')
      dispatch({
        type: 'overlayShown',
        overlay: {...overlay, scroll: scrolledHelp(state, this.actions, by * WHEEL_ROWS)},
      });
    else if (overlay) input.handle({kind: 'key', key: by < 0 ? 'up' : 'down', text: ''});
    else if (layoutOf(state).list && isInside(layoutOf(state).list!, event))
      dispatch({type: 'selectionMoved', by: by * WHEEL_ROWS});
    else console.mouse(event);
  }

  private drag({x}: MouseEvent, {state, dispatch}: ActionContext): void {
    if (this.isDragging) dispatch({type: 'dividerMoved', listWidth: clampListWidth(x + 1, state.size.columns)});
  }

  /** A press beside what lies on top closes it, as Esc does. */
  private pressOverlay(event: MouseEvent, context: ActionContext, input: InputController): void {
    const {state} = context;
    const rect = overlayRect(state, this.actions);
    const {overlay} = state;
    if (!rect || !overlay) return;
    if (!isInside(rect, event)) input.handle({kind: 'key', key: 'esc', text: ''});
    else if (overlay.kind === 'machine') pressMachineForm(context, overlay.form, event.y);
    else if (overlay.kind === 'help') input.handle({kind: 'key', key: 'esc', text: ''});
    else if (overlay.kind === 'menu' || overlay.kind === 'palette') {
      const entry = this.entryAt(state, rect, event);
      if (entry) input.take(entry);
    } else if (overlay.kind === 'copy') {
      input.handle({kind: 'key', key: String(event.y - rect.y), text: String(event.y - rect.y)});
    } else if (overlay.kind === 'question') {
      // The first press highlights an answer, the second gives it.
      const at = event.y - (rect.y + rect.height - 1 - ANSWERS.length);
      if (at === overlay.chosen) input.handle({kind: 'key', key: 'enter', text: ''});
      else if (at >= 0 && at < ANSWERS.length) context.dispatch({type: 'answerMoved', by: at - overlay.chosen});
    } else if (
      overlay.kind === 'confirm' &&
      overlay.confirmation.phrase === undefined &&
      event.y === rect.y + rect.height - 2
    ) {
      // The buttons, as wide as `ChoiceButtons` makes them: `  [ No ]  [ Yes ]`.
      const at = event.x - rect.x - 1;
      const noEnd = 6 + textWidth(text.dialogs.no);
      if (at >= 2 && at < noEnd) input.handle({kind: 'key', key: 'n', text: 'n'});
      else if (at >= noEnd + 2 && at < noEnd + 6 + textWidth(overlay.confirmation.yesLabel))
        input.handle({kind: 'key', key: 'y', text: 'y'});
    }
  }

  private entryAt(state: AppState, rect: Rect, {y}: MouseEvent): PaletteEntry | undefined {
    const {overlay} = state;
    if (overlay?.kind !== 'menu' && overlay?.kind !== 'palette') return undefined;
    const entries =
      overlay.kind === 'menu'
        ? menuEntries(state, this.actions)
        : paletteEntries(state, this.actions, overlay.input.text);
    // The palette has the line that is typed above its entries.
    const head = overlay.kind === 'menu' ? 1 : 2;
    const rows = rect.height - 1 - head;
    const index = firstEntry(overlay.chosen, entries.length, rows) + y - rect.y - head;
    return y < rect.y + head || y >= rect.y + head + rows ? undefined : entries[index];
  }

  private press(event: MouseEvent, context: ActionContext, input: InputController): void {
    const {state, dispatch} = context;
    const {list, pane, wall} = layoutOf(state);
    if (event.y === state.size.rows - 1) this.pressHint(event, state, input);
    else if (isFleetInSight(state)) {
      const id = fleetMachineAt(state, event.y);
      if (id !== undefined) dispatch({type: 'machineSelected', id});
    } else if (isFirstRun(state)) input.press('enter');
    else if (list && pane && (event.x === pane.x || event.x === pane.x - 1)) this.isDragging = true;
    else if (list && isInside(list, event)) this.pressList(event, context, input, list);
    else if (pane && isInside(pane, event)) pressPane(event, context, pane);
    else {
      const index = wall.findIndex((rect) => isInside(rect, event));
      const machine = wallMachines(state)[index];
      if (!machine) return;
      const isSecond = state.selectedId === machine.id;
      dispatch({type: 'machineSelected', id: machine.id});
      if (isSecond) context.focusConsole(false);
    }
  }

  private pressList(event: MouseEvent, context: ActionContext, input: InputController, list: Rect): void {
    const {state, dispatch} = context;
    const index = event.y - list.y - LIST_HEAD_ROWS;
    const row = index < 0 ? undefined : listRows(state)[firstListRow(state, listHeight(list)) + index];
    if (row === undefined) return;
    dispatch({type: 'machineSelected', id: row.id});
    if (event.button === RIGHT_BUTTON) {
      dispatch({type: 'overlayShown', overlay: {kind: 'menu', chosen: 0, at: {x: event.x, y: event.y}}});
      return;
    }
    const nowMs = performance.now();
    const isSecond = this.lastClick?.id === row.id && nowMs - this.lastClick.atMs < DOUBLE_CLICK_MS;
    this.lastClick = isSecond ? undefined : {id: row.id, atMs: nowMs};
    if (isSecond) input.press('enter');
  }

  private pressHint({x}: MouseEvent, state: AppState, input: InputController): void {
    const hint = hintSpans(state, this.actions, state.size.columns).find(({start, end}) => x >= start && x < end);
    if (hint) input.press(hint.pressed);
  }
}

function pressPane({x, y}: MouseEvent, {state, dispatch, focusConsole}: ActionContext, pane: Rect): void {
  if (y === pane.y + 1) {
    const span = tabSpans(TABS, state.tab, pane.width - 2).find(
      ({start, end}) => x - pane.x - 1 >= start && x - pane.x - 1 < end,
    );
    if (span) dispatch({type: 'tabChosen', tab: span.tab});
  } else if (state.tab === 'console') focusConsole(false);
}
