import type {InputEvent} from '../terminal/key-decoder.js';
import {editText, type TextInput, textInput} from './text-input.js';

/** A field that takes text; `placeholder` is shown while it is empty. */
export interface TextField {
  readonly kind: 'text';
  readonly id: string;
  readonly label: string;
  readonly placeholder: string;
  readonly input: TextInput;
}

/** A field that takes one of several choices. */
export interface ChoiceField {
  readonly kind: 'choice';
  readonly id: string;
  readonly label: string;
  readonly choices: readonly string[];
  readonly chosen: number;
}

/** One line of a form. */
export type FormField = TextField | ChoiceField;

/** A form being filled in. `error` is shown below the fields; while `isBusy` it takes no keys but Esc. */
export interface FormState {
  readonly token: string;
  /** What it is about, for its owner. */
  readonly subject?: string;
  readonly title: string;
  readonly fields: readonly FormField[];
  readonly focused: number;
  readonly submitLabel: string;
  readonly isBusy: boolean;
  readonly error?: string;
}

/** What a key did to a form. */
export type FormStep =
  | {readonly kind: 'edited'; readonly form: FormState}
  | {readonly kind: 'submitted'}
  | {readonly kind: 'cancelled'};

/** Makes a text field. */
export function textField(id: string, label: string, placeholder: string, value = ''): TextField {
  return {kind: 'text', id, label, placeholder, input: textInput(value)};
}

/** Makes a choice field. */
export function choiceField(id: string, label: string, choices: readonly string[], chosen = 0): ChoiceField {
  return {kind: 'choice', id, label, choices, chosen: Math.max(0, chosen)};
}

/** The value of a field by id; empty when there is none. */
export function fieldValue(form: FormState, id: string): string {
  const field = form.fields.find((candidate) => candidate.id === id);
  if (!field) return '';
  return field.kind === 'text' ? field.input.text : (field.choices[field.chosen] ?? '');
}

/** Applies a key: Tab and arrows move, left and right choose, Enter submits on the last field, Esc cancels. */
export function stepForm(form: FormState, event: InputEvent): FormStep {
  const key = event.kind === 'key' ? event.key : '';
  if (key === 'esc') return {kind: 'cancelled'};
  if (form.isBusy) return {kind: 'edited', form};
  if (key === 'enter') return {kind: 'submitted'};
  if (key === 'tab' || key === 'down') return moved(form, 1);
  if (key === 'shift-tab' || key === 'up') return moved(form, -1);
  const field = form.fields[form.focused];
  const next = field ? stepField(field, event, key) : undefined;
  if (!next) return {kind: 'edited', form};
  const fields = form.fields.map((old, index) => (index === form.focused ? next : old));
  const {error: _, ...rest} = form;
  return {kind: 'edited', form: {...rest, fields}};
}

function moved(form: FormState, by: number): FormStep {
  const count = form.fields.length;
  return {kind: 'edited', form: {...form, focused: (form.focused + by + count) % count}};
}

function stepField(field: FormField, event: InputEvent, key: string): FormField | undefined {
  if (field.kind === 'text') {
    const input = editText(field.input, event);
    return input && {...field, input};
  }
  const step = key === 'right' || key === 'space' ? 1 : key === 'left' ? -1 : 0;
  const count = field.choices.length;
  return step === 0 || count === 0 ? undefined : {...field, chosen: (field.chosen + step + count) % count};
}
