import {expect, test} from 'vitest';
import type {Image} from '../../../src/manager/protocol/image.js';
import {
  chooseImage,
  draftOf,
  editForm,
  focusField,
  type MachineForm,
  stepMachineForm,
  withImages,
  wizard,
} from '../../../src/tui/state/machine-form.js';
import {layoutMachineForm} from '../../../src/tui/state/machine-form-layout.js';
import {spokenMachineForm} from '../../../src/tui/state/presenters/spoken-machine-form.js';
import {textWidth} from '../../../src/tui/terminal/char-width.js';
import type {InputEvent} from '../../../src/tui/terminal/key-decoder.js';
import {fakeMachine} from '../../support/fake-fleet.js';

const images = ['a', 'debian-mini', 'z'].map((name): Image => ({name, title: name, description: '', state: 'ready'}));
const web = fakeMachine('web', 'defined');
const key = (name: string, text = ''): InputEvent => ({kind: 'key', key: name, text});
const typed = (text: string): InputEvent[] => [...text].map((char) => key(char, char));

function play(form: MachineForm, ...events: InputEvent[]): MachineForm {
  return events.reduce((state, event) => {
    const step = stepMachineForm(state, event, [web]);
    return step.kind === 'edited' ? step.form : state;
  }, form);
}

test('Enter submits what is right, and goes to the first field that is wrong', () => {
  expect(stepMachineForm(wizard(images), key('enter'), [web])).toEqual({kind: 'submitted'});
  const wrong = play(focusField(wizard(images), 'memory'), ...typed('1 cow'), key('tab'));
  expect(play(wrong, key('enter')).focused).toBe('memory');
  expect(stepMachineForm(wizard([]), key('enter'), [web]).kind).toBe('edited');
});

test('a catalog that comes later leaves what was typed and what was chosen', () => {
  const early = play(focusField(wizard([]), 'name'), ...typed('x1'));
  expect(draftOf(withImages(early, images))).toMatchObject({name: 'x1', image: 'debian-mini'});
  const chosen = chooseImage(wizard(images), 'z');
  expect(draftOf(withImages(chosen, images)).image).toBe('z');
  expect(draftOf(withImages(chosen, images.slice(0, 1))).image).toBe('a');
});

test('arrows go through the catalog and on to the fields', () => {
  const form = wizard(images);
  expect(draftOf(play(form, key('up'))).image).toBe('a');
  expect(draftOf(play(form, key('down'))).image).toBe('z');
  expect(play(form, key('down'), key('down')).focused).toBe('name');
  expect(play(form, key('down'), key('down'), key('up')).focused).toBe('image');
});

test('a form takes nothing but Esc while it works, also from the mouse', () => {
  const busy = {...wizard(images), isBusy: true};
  expect(play(busy, ...typed('x'), key('tab'), key('enter'))).toBe(busy);
  expect(focusField(busy, 'name')).toBe(busy);
  expect(chooseImage(busy, 'z')).toBe(busy);
  expect(stepMachineForm(busy, key('esc'), [])).toEqual({kind: 'cancelled'});
});

test('fields of the make stay while the machine runs, whatever becomes of it while the form is open', () => {
  const form = focusField(editForm(web), 'memory');
  const running = fakeMachine('web', 'running');
  const step = stepMachineForm(form, key('1', '1'), [running]);
  expect(step.kind === 'edited' && draftOf(step.form).memory).toBe('256M');
  expect(draftOf(play(form, key('1', '1'))).memory).toBe('256M1');
  expect(layoutMachineForm(form, [running], {columns: 80, rows: 24}).message).toMatchObject({isProblem: true});
});

test('the focused row is in sight and nothing is wider than its place, at any size', () => {
  for (const [columns, rows] of [
    [40, 8],
    [60, 20],
    [80, 24],
    [250, 80],
  ] as const) {
    for (let form = wizard(images), i = 0; i < 14; i++, form = play(form, key('tab'))) {
      const long = play(form, ...typed('/'.repeat(200)));
      const layout = layoutMachineForm(long, [web], {columns, rows});
      expect(layout.rect.width).toBeLessThanOrEqual(columns);
      expect(layout.rect.height).toBeLessThanOrEqual(rows);
      const isInSight = layout.rows.some((row) =>
        row.kind === 'field'
          ? row.id === form.focused
          : row.kind === 'image' && row.isChosen && form.focused === 'image',
      );
      expect(isInSight, `${form.focused} at ${columns}x${rows}`).toBe(true);
      for (const line of [...layout.message.lines, ...layout.command])
        expect(textWidth(line)).toBeLessThanOrEqual(layout.rect.width - 4);
    }
  }
});

test('is told in sentences', () => {
  expect(spokenMachineForm(wizard(images), [web])).toEqual([
    'New machine. Enter: create, Tab: next field, Escape: cancel.',
    'Image: debian-mini, cached, image 2 of 3, 1 of 13.',
    'What the machine boots; ↑ and ↓ go through the catalog.',
    'Command: viv create debian-mini --start',
  ]);
  expect(spokenMachineForm(play(focusField(wizard(images), 'name'), ...typed('web')), [web])).toEqual([
    'New machine. Enter: create, Tab: next field, Escape: cancel.',
    'Name: web, 2 of 13.',
    'There is already a machine called web.',
  ]);
});
