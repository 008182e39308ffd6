/** What every screen gets, and where the overlays lie. */
import type {SparkStyle} from './graphs/sparkline.js';
import type {Action} from './keys/action.js';
import {type HelpLine, helpPage, wrappedHelp} from './keys/hints.js';
import {menuEntries} from './keys/palette.js';
import type {ConsoleDialog} from './state/console.js';
import {centered, type Layout} from './state/layout.js';
import {firstListRow, layoutOf, listRows, selectedRow} from './state/list.js';
import {layoutMachineForm} from './state/machine-form-layout.js';
import type {AppState, ScreenSize} from './state/model.js';
import {copyEntries} from './state/presenters/copy-menu.js';
import {jobFraction, jobLine, progressBar} from './state/presenters/job.js';
import {chordLines} from './state/presenters/lookback.js';
import {machineNotice} from './state/presenters/machine.js';
import {pasteQuestion} from './state/presenters/paste.js';
import {questionLines} from './state/presenters/question.js';
import {ANSWERS, shownQuestion} from './state/questions.js';
import {awaitedJob, selectedMachine} from './state/selectors.js';
import type {Rect} from './terminal/cells.js';
import {wrapText} from './terminal/char-width.js';
import {text} from './text/text.js';

/** Properties of a screen. */
export interface ScreenProps {
  readonly state: AppState;
  readonly layout: Layout;
  readonly actions: readonly Action[];
  readonly sparkStyle: SparkStyle;
}

/** The rectangle of the overlay that is shown, if one is. */
export function overlayRect(state: AppState, actions: readonly Action[]): Rect | undefined {
  const {overlay, size} = state;
  if (!overlay) return undefined;
  switch (overlay.kind) {
    case 'help':
      return centered(size, HELP_COLUMNS, shownHelp(state, actions).length + 2);
    case 'confirm': {
      const width = Math.min(CONFIRM_COLUMNS, size.columns);
      return centered(size, width, wrapText(overlay.confirmation.question, width - 4).length + 4);
    }
    case 'console':
      return consoleDialogRect(size, overlay.dialog);
    case 'activity':
      return centered(size, 110, size.rows - 2);
    case 'form':
      return centered(size, 64, overlay.form.fields.length + 6);
    case 'machine':
      return layoutMachineForm(overlay.form, state.machines, size).rect;
    case 'palette':
      // The same height whatever is typed, so that nothing jumps.
      return centered(size, 100, Math.min(size.rows - 2, PALETTE_ROWS));
    case 'question': {
      const shown = shownQuestion(state);
      const width = Math.min(QUESTION_COLUMNS, size.columns);
      return shown && centered(size, width, questionLines(state, shown, width - 4).length + ANSWERS.length + 3);
    }
    case 'copy':
      return menuRect(state, copyEntries(state).length + 2, besideRow(state));
    case 'menu':
      return menuRect(state, menuEntries(state, actions).length + 2, overlay.at ?? besideRow(state));
  }
}

/** The lines of the help page at the width that the screen has for it. */
export function shownHelp(state: AppState, actions: readonly Action[]): readonly HelpLine[] {
  const width = Math.min(HELP_COLUMNS, state.size.columns) - 2 - HELP_KEYS_COLUMNS;
  return wrappedHelp(helpPage(state, actions), width);
}

/** The first line of the help page once it is scrolled on by so many: never further than its end. */
export function scrolledHelp(state: AppState, actions: readonly Action[], by: number): number {
  const rows = (overlayRect(state, actions)?.height ?? 2) - 2;
  const last = Math.max(0, shownHelp(state, actions).length - rows);
  const from = state.overlay?.kind === 'help' ? Math.min(state.overlay.scroll, last) : 0;
  return Math.min(last, Math.max(0, from + by));
}

const HELP_COLUMNS = 92;
/** Of its keys. */
export const HELP_KEYS_COLUMNS = 16;
const CONFIRM_COLUMNS = 64;
const QUESTION_COLUMNS = 64;
const CHORDS_COLUMNS = 64;
const PALETTE_ROWS = 24;
const MENU_COLUMNS = 84;

/** At a place, moved so that it is on the screen as a whole. */
function menuRect({size}: AppState, height: number, at: {readonly x: number; readonly y: number}): Rect {
  const rect = centered(size, MENU_COLUMNS, height);
  return {
    ...rect,
    x: Math.min(at.x, size.columns - rect.width),
    y: Math.max(0, Math.min(at.y, size.rows - rect.height)),
  };
}

function besideRow(state: AppState): {x: number; y: number} {
  const {list} = layoutOf(state);
  if (!list) return {x: 0, y: 0};
  const rows = listRows(state);
  const index = rows.findIndex(({id}) => id === selectedRow(state)?.id);
  return {x: list.x + 4, y: list.y + LIST_HEAD_ROWS + index - firstListRow(state, listHeight(list)) + 1};
}

/** Rows of the list's frame above its first machine: the border and the heading. */
export const LIST_HEAD_ROWS = 2;

/** How many machines fit into the list's frame. */
export function listHeight(list: Rect): number {
  return Math.max(1, list.height - LIST_HEAD_ROWS - 1);
}

function consoleDialogRect(size: ScreenSize, dialog: ConsoleDialog): Rect {
  const width = Math.min(CHORDS_COLUMNS, size.columns);
  if (dialog.kind === 'chords') return centered(size, width, chordLines(width - 2).length + 2);
  return centered(size, 76, pasteQuestion(dialog.paste, '').length + 4);
}

/** Lines above the console of the highlighted machine that say why nothing happens in it. At most four. */
export function consoleNotice(state: AppState, width: number): readonly string[] {
  const machine = selectedMachine(state);
  if (!machine) return [];
  const job = awaitedJob(state, machine);
  if (job)
    return [
      text.machine.building(job.subject, jobLine(job)),
      progressBar(jobFraction(job), Math.min(60, width - 2)),
      '',
    ];
  const notice = machineNotice(machine);
  return notice === '' ? [] : wrapText(notice, width - 2).slice(0, 4);
}
