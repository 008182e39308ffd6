/** The screen as sentences, for people who hear it: what is highlighted, what lies on top, what a tab tells. */
import type {Job} from '../../../manager/protocol/job.js';
import type {Action} from '../../keys/action.js';
import {helpPage} from '../../keys/hints.js';
import {menuEntries, type PaletteEntry, paletteEntries} from '../../keys/palette.js';
import {visibleText} from '../../terminal/visible-text.js';
import {text} from '../../text/text.js';
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

const {spoken} = text;

/** How many events are told of at once. */
const EVENTS_TOLD = 10;
/** Wide enough that nothing told is cut. */
const LINE_WIDTH = 400;

/** The highlighted row: name, state, numbers, place. */
export function spokenRow(state: AppState): string {
  const rows = listRows(state);
  const row = selectedRow(state);
  if (row === undefined) return state.machines.length === 0 ? text.fleet.noneThere : text.fleet.noMatch;
  const place = text.words.of(rows.findIndex(({id}) => id === row.id) + 1, rows.length);
  if (row.kind === 'group') {
    const {name, machines, isFolded} = row;
    return spoken.group({name: visibleText(name), count: machines.length, isFolded, place});
  }
  const {machine} = row;
  const sample = state.samples.get(machine.id)?.at(-1);
  const parts = [visibleText(machine.name), stateLook(machine.state).word];
  if (machine.state === 'running' && sample) parts.push(spoken.cpu(Math.round(sample.cpuPercent)));
  const memory = memorySummary(machine, sample);
  if (memory !== '') parts.push(spoken.memory(memory));
  if (state.list.marks.has(machine.id)) parts.push(spoken.marked);
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
      return helpPage(state, actions).map((line) =>
        line.kind === 'heading' ? `${line.text}:` : `${line.keys}: ${line.help}`,
      );
    case 'confirm': {
      const {title, question, phrase, isYes, yesLabel, typed} = overlay.confirmation;
      const {confirm} = spoken;
      const about = confirm.title(title, question);
      if (phrase !== undefined) return [about, confirm.typePhrase(phrase), confirm.typed(typed.text)];
      return [about, confirm.yesOrNo(isYes ? yesLabel : text.dialogs.no)];
    }
    case 'form':
      return formLines(overlay.form);
    case 'machine':
      return spokenMachineForm(overlay.form, state.machines);
    case 'palette': {
      const entries = paletteEntries(state, actions, overlay.input.text);
      return [spoken.palette(overlay.input.text), chosenEntry(entries, overlay.chosen)];
    }
    case 'menu':
      return [spoken.menu, chosenEntry(menuEntries(state, actions), overlay.chosen)];
    case 'copy': {
      const entries = copyEntries(state);
      const entry = entries[overlay.chosen] ?? {label: spoken.copy.nothing, text: undefined};
      const what = entry.text === undefined ? entry.label : spoken.copy.entry(entry.label, entry.text);
      return [spoken.copy.title, spoken.choice(what, overlay.chosen + 1, entries.length)];
    }
    case 'activity': {
      const jobs = listedJobs(state).map(
        (job, index) => `${index === overlay.chosen ? `${spoken.chosen} ` : ''}${spokenJob(job)}`,
      );
      const filter = overlay.isFiltering ? [spoken.activity.filter(overlay.filter.text)] : [];
      const events = matchingEvents(state.events, overlay.filter.text).slice(-EVENTS_TOLD);
      const none = jobs.length === 0 ? [text.activity.noJob] : [];
      return [
        spoken.activity.title,
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
        spoken.answers,
        spoken.choice(answer.label, overlay.chosen + 1, ANSWERS.length),
      ];
    }
  }
}

function consoleLines(dialog: ConsoleDialog, state: AppState): readonly string[] {
  if (dialog.kind === 'chords') return CHORDS.map(([keys, help]) => `${keys}: ${help}.`);
  const name = state.machines.find(({id}) => id === dialog.paste.machineId)?.name ?? '';
  const answer = dialog.isYes ? text.consoles.paste.yes : text.dialogs.no;
  return [...pasteQuestion(dialog.paste, name), spoken.confirm.yesOrNo(answer)];
}

/** A job; of how much is done only quarters, which are enough to hear. */
export function spokenJob(job: Job): string {
  const subject = visibleText(job.subject);
  if (job.state !== 'running') {
    const why = job.error === undefined ? '' : ` ${visibleText(`${job.error.message} ${job.error.hint}`)}`;
    return `${spoken.job.ended(subject, text.states.jobs[job.state])}${why}`.trim();
  }
  const quarters = Math.floor((jobFraction(job) ?? 0) * 4);
  return spoken.job.running(subject, visibleText(job.stage), quarters * 25);
}

function chosenEntry(entries: readonly PaletteEntry[], chosen: number): string {
  const entry = entries[chosen];
  if (entry === undefined) return text.dialogs.palette.noMatch;
  return spoken.entry({...entry, reason: entry.reason, at: chosen + 1, count: entries.length});
}

function formLines(form: FormState): readonly string[] {
  const field = form.fields[form.focused];
  const told = field && spoken.form.field(field.label, valueText(field), form.focused + 1, form.fields.length);
  return [
    spoken.form.title(form.title, form.submitLabel),
    ...(told === undefined ? [] : [told]),
    ...(form.isBusy ? [spoken.form.working] : []),
    ...(form.error === undefined ? [] : [form.error]),
  ];
}

function valueText(field: FormField): string {
  if (field.kind === 'choice') return spoken.form.choice(field.choices[field.chosen] ?? text.words.none);
  return field.input.text === '' ? spoken.form.empty(field.placeholder) : field.input.text;
}

/** The text of pieces of a line. */
export function textOf(pieces: readonly {readonly text: string}[]): string {
  return pieces
    .map((piece) => piece.text)
    .join('')
    .replace(/\s+/g, ' ')
    .trim();
}
