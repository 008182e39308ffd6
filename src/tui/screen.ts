/** What every screen gets, and where the overlays lie. */
import type {SparkStyle} from './graphs/sparkline.js';
import type {Action} from './keys/action.js';
import {helpLines} from './keys/hints.js';
import type {ConsoleDialog} from './state/console.js';
import {centered, type Layout} from './state/layout.js';
import type {AppState, ScreenSize} from './state/model.js';
import {jobFraction, jobLine, progressBar} from './state/presenters/job.js';
import {CHORDS} from './state/presenters/lookback.js';
import {machineNotice} from './state/presenters/machine.js';
import {pasteQuestion} from './state/presenters/paste.js';
import {awaitedJob, selectedMachine} from './state/selectors.js';
import type {Rect} from './terminal/cells.js';
import {wrapText} from './terminal/char-width.js';

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
  if (overlay.kind === 'help') return centered(size, 92, helpLines(actions).length + 2);
  if (overlay.kind === 'confirm') return centered(size, 60, 7);
  if (overlay.kind === 'console') return consoleDialogRect(size, overlay.dialog);
  return centered(size, 64, overlay.form.fields.length + 6);
}

function consoleDialogRect(size: ScreenSize, dialog: ConsoleDialog): Rect {
  if (dialog.kind === 'chords') return centered(size, 64, CHORDS.length + 2);
  return centered(size, 76, pasteQuestion(dialog.paste, '').length + 4);
}

/** Lines above the console of the highlighted machine that say why nothing happens in it. At most four. */
export function consoleNotice(state: AppState, width: number): readonly string[] {
  const machine = selectedMachine(state);
  if (!machine) return [];
  const job = awaitedJob(state, machine);
  if (job)
    return [`Building ${job.subject}: ${jobLine(job)}`, progressBar(jobFraction(job), Math.min(60, width - 2)), ''];
  const text = machineNotice(machine);
  return text === '' ? [] : wrapText(text, width - 2).slice(0, 4);
}
