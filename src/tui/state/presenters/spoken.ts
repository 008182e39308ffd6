/** The screen as sentences, for people who hear it: what is highlighted, what lies on top, what a tab tells. */
import type {Job} from '../../../manager/protocol/job.js';
import type {Action} from '../../keys/action.js';
import {helpLines} from '../../keys/hints.js';
import {actionsIn} from '../../keys/keymap.js';
import {menuEntries, type PaletteEntry, paletteEntries} from '../../keys/palette.js';
import {visibleText} from '../../terminal/visible-text.js';
import type {ConsoleDialog} from '../console.js';
import type {FormField, FormState} from '../form.js';
import {listRows, selectedRow} from '../list.js';
import type {AppState, Overlay} from '../model.js';
import {ANSWERS, shownQuestion} from '../questions.js';
import {eventSegments, listedJobs, matchingEvents} from './activity.js';
import {copyEntries} from './copy-menu.js';
import {headerLine} from './header.js';
import {jobFraction} from './job.js';
import {CHORDS} from './lookback.js';
import {memorySummary, stateLook} from './machine.js';
import {pasteQuestion} from './paste.js';
import {questionLines} from './question.js';
import {spokenMachineForm} from './spoken-machine-form.js';

/** How many events are told of at once. */
const EVENTS_TOLD = 10;
/** Wide enough that nothing told is cut. */
const LINE_WIDTH = 400;

/** The highlighted row: name, state, numbers, place. */
export function spokenRow(state: AppState): string {
  const rows = listRows(state);
  const row = selectedRow(state);
  if (row === undefined) return state.machines.length === 0 ? 'There is no machine.' : 'No machine matches the filter.';
  const place = `${rows.findIndex(({id}) => id === row.id) + 1} of ${rows.length}`;
  if (row.kind === 'group')
    return `Group ${visibleText(row.name)}, ${row.machines.length} machines, ${row.isFolded ? 'folded' : 'open'}, ${place}.`;
  const {machine} = row;
  const sample = state.samples.get(machine.id)?.at(-1);
  const parts = [visibleText(machine.name), stateLook(machine.state).word];
  if (machine.state === 'running' && sample) parts.push(`CPU ${Math.round(sample.cpuPercent)} percent`);
  const memory = memorySummary(machine, sample);
  if (memory !== '') parts.push(`memory ${memory}`);
  if (state.list.marks.has(machine.id)) parts.push('marked');
  if (machine.reason !== undefined) parts.push(visibleText(machine.reason));
  return `${[...parts, place].join(', ')}.`;
}

/** The fleet in one sentence. */
export function spokenFleet(state: AppState): string {
  return `${headerLine(state).replaceAll(' · ', ', ')}.`;
}

/** What lies on top, as lines; each is told when it differs from what was told before. */
export function spokenOverlay(state: AppState, actions: readonly Action[]): readonly string[] {
  const {overlay} = state;
  return overlay === undefined ? [] : linesOf(overlay, state, actions).map(visibleText);
}

function linesOf(overlay: Overlay, state: AppState, actions: readonly Action[]): readonly string[] {
  switch (overlay.kind) {
    case 'help':
      return helpLines(actionsIn(state.tab, actions)).map((line) =>
        line.kind === 'heading' ? `${line.text}:` : `${line.keys}: ${line.help}`,
      );
    case 'confirm': {
      const {title, question, phrase, isYes, yesLabel, typed} = overlay.confirmation;
      if (phrase !== undefined)
        return [`${title}. ${question}`, `Type ${phrase} and Enter to do it, Escape for no.`, `Typed: ${typed.text}`];
      return [`${title}. ${question}`, `y for yes, n for no. Enter: ${isYes ? yesLabel : 'No'}.`];
    }
    case 'form':
      return formLines(overlay.form);
    case 'machine':
      return spokenMachineForm(overlay.form, state.machines);
    case 'palette': {
      const entries = paletteEntries(state, actions, overlay.input.text);
      return [`Look for: ${overlay.input.text}`, chosenEntry(entries, overlay.chosen)];
    }
    case 'menu':
      return ['Menu of the machine.', chosenEntry(menuEntries(state, actions), overlay.chosen)];
    case 'copy': {
      const entries = copyEntries(state);
      const {label, text} = entries[overlay.chosen] ?? {label: 'nothing', text: undefined};
      const what = text === undefined ? label : `${label}: ${text}`;
      return [
        'What to copy; it is told, as there is no clipboard here.',
        `${what}, ${overlay.chosen + 1} of ${entries.length}.`,
      ];
    }
    case 'activity': {
      const jobs = listedJobs(state).map(
        (job, index) => `${index === overlay.chosen ? 'chosen, ' : ''}${spokenJob(job)}`,
      );
      const filter = overlay.isFiltering ? [`Filter: ${overlay.filter.text}`] : [];
      const events = matchingEvents(state.events, overlay.filter.text).slice(-EVENTS_TOLD);
      const none = jobs.length === 0 ? ['No job is running.'] : [];
      return [
        'Jobs and events. x cancels the job.',
        ...none,
        ...jobs,
        ...filter,
        ...events.map((event) => textOf(eventSegments(event))),
      ];
    }
    case 'console':
      return consoleLines(overlay.dialog, state);
    case 'question': {
      const shown = shownQuestion(state);
      if (shown === undefined) return [];
      const answer = ANSWERS[overlay.chosen] ?? ANSWERS[0];
      return [
        questionLines(state, shown, LINE_WIDTH)
          .map((line) => line.trim())
          .join(' '),
        'Up and down choose an answer, Enter gives it, Escape puts it off.',
        `${answer.label}, ${overlay.chosen + 1} of ${ANSWERS.length}.`,
      ];
    }
  }
}

function consoleLines(dialog: ConsoleDialog, state: AppState): readonly string[] {
  if (dialog.kind === 'chords') return CHORDS.map(([keys, help]) => `${keys}: ${help}.`);
  const name = state.machines.find(({id}) => id === dialog.paste.machineId)?.name ?? '';
  const answer = `y for yes, n for no. Enter: ${dialog.isYes ? 'Type it' : 'No'}.`;
  return [...pasteQuestion(dialog.paste, name), answer];
}

/** A job; of how much is done only quarters, which are enough to hear. */
export function spokenJob(job: Job): string {
  const subject = visibleText(job.subject);
  if (job.state !== 'running') {
    const why = job.error === undefined ? '' : ` ${visibleText(`${job.error.message} ${job.error.hint}`)}`;
    return `${subject}: ${job.state}.${why}`.trim();
  }
  const quarters = Math.floor((jobFraction(job) ?? 0) * 4);
  return `${subject}: ${visibleText(job.stage)}${quarters === 0 ? '' : `, ${quarters * 25} percent`}.`;
}

function chosenEntry(entries: readonly PaletteEntry[], chosen: number): string {
  const entry = entries[chosen];
  if (entry === undefined) return 'Nothing is called that.';
  const parts = [entry.text];
  if (entry.keys !== '') parts.push(`Key ${entry.keys}.`);
  if (entry.command !== '') parts.push(`Command ${entry.command}.`);
  if (entry.reason !== undefined) parts.push(`Not now: ${entry.reason}`);
  return `${parts.join(' ')} ${chosen + 1} of ${entries.length}.`;
}

function formLines(form: FormState): readonly string[] {
  const field = form.fields[form.focused];
  const place = `${form.focused + 1} of ${form.fields.length}`;
  return [
    `${form.title}. Enter: ${form.submitLabel.toLowerCase()}, Tab: next field, Escape: cancel.`,
    ...(field === undefined ? [] : [`${field.label}: ${valueText(field)}, ${place}.`]),
    ...(form.isBusy ? ['Working.'] : []),
    ...(form.error === undefined ? [] : [form.error]),
  ];
}

function valueText(field: FormField): string {
  if (field.kind === 'choice') return `${field.choices[field.chosen] ?? 'none'}, left and right choose`;
  return field.input.text === '' ? `empty, ${field.placeholder}` : field.input.text;
}

/** The text of pieces of a line. */
export function textOf(pieces: readonly {readonly text: string}[]): string {
  return pieces
    .map(({text}) => text)
    .join('')
    .replace(/\s+/g, ' ')
    .trim();
}
