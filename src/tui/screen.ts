/** What every screen gets, and where the overlays lie. */
import type {SparkStyle} from './graphs/sparkline.js';
import type {Action} from './keys/action.js';
import {helpLines} from './keys/hints.js';
import {centered, type Layout} from './state/layout.js';
import type {AppState} from './state/model.js';
import {jobFraction, jobLine, progressBar} from './state/presenters/job.js';
import {machineNotice} from './state/presenters/machine.js';
import {questionLines} from './state/presenters/question.js';
import {ANSWERS, shownQuestion} from './state/questions.js';
import {awaitedJob, selectedMachine} from './state/selectors.js';
import type {Rect} from './terminal/cells.js';
import {wrapText} from './terminal/char-width.js';

const QUESTION_WIDTH = 64;

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
  if (overlay.kind === 'form') return centered(size, 64, overlay.form.fields.length + 6);
  const shown = shownQuestion(state);
  const width = Math.min(QUESTION_WIDTH, size.columns);
  return shown && centered(size, width, questionLines(state, shown, width - 4).length + ANSWERS.length + 3);
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
