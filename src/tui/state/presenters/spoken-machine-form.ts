/** The wizard and the edit form as sentences, for people who hear them. */
import type {Machine} from '../../../manager/protocol/machine.js';
import {text} from '../../text/text.js';
import {MACHINE_FIELDS, shownChoice} from '../machine-fields.js';
import {factsOf, fieldsOf, formCommand, type MachineForm} from '../machine-form.js';
import {formMessage} from '../machine-form-layout.js';
import {imageSize} from './machine-form.js';

const spoken = text.spoken.form;

/** What has the keys, what is wrong or what it takes, and the command; each line is told when it differs from before. */
export function spokenMachineForm(form: MachineForm, machines: readonly Machine[]): readonly string[] {
  const ids = fieldsOf(form).map(({id}) => id);
  const {create, edit} = text.machineForm;
  const isCreate = form.mode === 'create';
  const title = isCreate ? create.title : edit.title(form.before.name);
  const command = formCommand(form, machines);
  return [
    spoken.title(title, isCreate ? create.submit : edit.submit),
    spoken.field(
      MACHINE_FIELDS[form.focused].label,
      spokenValue(form, machines),
      ids.indexOf(form.focused) + 1,
      ids.length,
    ),
    formMessage(form, machines).text,
    ...(command === '' ? [] : [spoken.command(command)]),
  ];
}

function spokenValue(form: MachineForm, machines: readonly Machine[]): string {
  const field = MACHINE_FIELDS[form.focused];
  const facts = factsOf(form, machines);
  const value = form.values[form.focused].text;
  const {image} = facts;
  if (form.focused === 'image') {
    if (image === undefined) return text.words.none;
    const at = form.images.indexOf(image) + 1;
    return spoken.image({name: value, size: imageSize(image), at, count: form.images.length});
  }
  if (field.choices) return spoken.choice(shownChoice(field, value));
  return value === '' ? spoken.empty(field.placeholder(facts)) : value;
}
