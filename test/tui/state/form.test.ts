import {expect, test} from 'vitest';
import {choiceField, type FormState, fieldValue, stepForm, textField} from '../../../src/tui/state/form.js';
import {editText, textInput} from '../../../src/tui/state/text-input.js';
import type {InputEvent} from '../../../src/tui/terminal/key-decoder.js';

const key = (name: string, text = ''): InputEvent => ({kind: 'key', key: name, text});
const typed = (text: string): InputEvent[] => [...text].map((char) => key(char, char));

const FORM: FormState = {
  token: 't',
  title: 'T',
  fields: [textField('name', 'Name', ''), choiceField('image', 'Image', ['a', 'b', 'c'])],
  focused: 0,
  submitLabel: 'Go',
  isBusy: false,
};

function play(form: FormState, ...events: InputEvent[]): FormState {
  return events.reduce((state, event) => {
    const step = stepForm(state, event);
    return step.kind === 'edited' ? step.form : state;
  }, form);
}

test('text goes into the focused field and keys move through the fields in a circle', () => {
  const form = play(FORM, ...typed('web'), key('tab'), key('right'), key('tab'), ...typed('-1'));
  expect([fieldValue(form, 'name'), fieldValue(form, 'image')]).toEqual(['web-1', 'b']);
});

test('choices wrap around', () => {
  expect(fieldValue(play(FORM, key('down'), key('left')), 'image')).toBe('c');
});

test('a busy form takes no keys but Esc', () => {
  const busy = {...FORM, isBusy: true};
  expect(fieldValue(play(busy, ...typed('x')), 'name')).toBe('');
  expect(stepForm(busy, key('enter')).kind).toBe('edited');
  expect(stepForm(busy, key('esc')).kind).toBe('cancelled');
});

test('typing clears the error', () => {
  expect(play({...FORM, error: 'no'}, ...typed('x')).error).toBeUndefined();
});

test.each([
  ['ab', [key('left'), key('x', 'x')], 'axb'],
  ['ab', [key('backspace')], 'a'],
  ['ab', [key('home'), key('delete')], 'b'],
  ['one two', [key('ctrl-w')], 'one '],
  ['one', [key('ctrl-u'), key('y', 'y')], 'y'],
  ['日本', [key('backspace')], '日'],
  ['', [{kind: 'paste', text: 'a\nb\x1bc'} as const], 'abc'],
])('%j edited is %j', (text, events, expected) => {
  const result = events.reduce((input, event) => editText(input, event) ?? input, textInput(text));
  expect(result.text).toBe(expected);
});
