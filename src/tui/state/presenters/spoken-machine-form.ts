/** The wizard and the edit form as sentences, for people who hear them. */
import type {Machine} from '../../../manager/protocol/machine.js';
import {MACHINE_FIELDS} from '../machine-fields.js';
import {factsOf, fieldsOf, formCommand, type MachineForm} from '../machine-form.js';
import {formMessage} from '../machine-form-layout.js';
import {imageSize} from './machine-form.js';

/** What has the keys, what is wrong or what it takes, and the command; each line is told when it differs from before. */
export function spokenMachineForm(form: MachineForm, machines: readonly Machine[]): readonly string[] {
  const ids = fieldsOf(form).map(({id}) => id);
  const title = form.mode === 'create' ? 'New machine' : `Edit ${form.before.name}`;
  const command = formCommand(form, machines);
  return [
    `${title}. Enter: ${form.mode === 'create' ? 'create' : 'change'}, Tab: next field, Escape: cancel.`,
    `${MACHINE_FIELDS[form.focused].label}: ${spokenValue(form, machines)}, ${ids.indexOf(form.focused) + 1} of ${ids.length}.`,
    formMessage(form, machines).text,
    ...(command === '' ? [] : [`Command: ${command}`]),
  ];
}

function spokenValue(form: MachineForm, machines: readonly Machine[]): string {
  const field = MACHINE_FIELDS[form.focused];
  const facts = factsOf(form, machines);
  const {text} = form.values[form.focused];
  if (form.focused === 'image') {
    const place = facts.image === undefined ? 0 : form.images.indexOf(facts.image) + 1;
    return facts.image === undefined
      ? 'none'
      : `${text}, ${imageSize(facts.image)}, image ${place} of ${form.images.length}`;
  }
  if (field.choices) return `${text}, left and right choose`;
  return text === '' ? `empty, ${field.placeholder(facts)}` : text;
}
