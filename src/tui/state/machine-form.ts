/**
 * The wizard for a new machine and the form that changes one: values being typed, which field has the keys, what is wrong.
 *
 *   Enter  right everywhere: submitted; else the first wrong field has the keys
 *   up, down  in the catalog another image, and beyond its ends another field; Tab another field always
 */
import type {Image} from '../../manager/protocol/image.js';
import type {Machine} from '../../manager/protocol/machine.js';
import type {InputEvent} from '../terminal/key-decoder.js';
import {text} from '../text/text.js';
import {
  type Draft,
  FIELD_IDS,
  type FieldFacts,
  type FieldId,
  MACHINE_FIELDS,
  type MachineField,
  networkChoice,
  TIER_OF_SETTINGS,
} from './machine-fields.js';
import {changesBetween, changeWords, createRequest, createWords, exactSize, shellLine} from './machine-words.js';
import {editText, type TextInput, textInput} from './text-input.js';

/** Fields of the wizard and of the edit form, in their order. */
const FIELDS_OF: Readonly<Record<MachineForm['mode'], readonly FieldId[]>> = {
  create: FIELD_IDS.filter((id) => id !== 'commandLine' && id !== 'tier'),
  edit: ['name', 'cpus', 'memory', 'commandLine', 'network', 'tier', 'group', 'tags'],
};

/** A form. `machineId` is that of the machine it changes, `before` the values that hold. While it `isBusy` it takes Esc only. */
export interface MachineForm {
  readonly mode: 'create' | 'edit';
  readonly machineId: string | undefined;
  readonly images: readonly Image[];
  readonly values: Readonly<Record<FieldId, TextInput>>;
  readonly before: Draft;
  readonly focused: FieldId;
  readonly isBusy: boolean;
  /** What the daemon said, with the field it is about where there is one. */
  readonly error: string | undefined;
}

/** What a key did. */
export type MachineFormStep =
  | {readonly kind: 'edited'; readonly form: MachineForm}
  | {readonly kind: 'submitted'}
  | {readonly kind: 'cancelled'};

const EMPTY = Object.fromEntries(FIELD_IDS.map((id) => [id, ''])) as Record<FieldId, string>;

function open(mode: MachineForm['mode'], machineId: string | undefined, images: readonly Image[], before: Draft) {
  const values = Object.fromEntries(FIELD_IDS.map((id) => [id, textInput(before[id])])) as MachineForm['values'];
  const focused = mode === 'create' ? ('image' as const) : ('name' as const);
  return {mode, machineId, images, values, before, focused, isBusy: false, error: undefined};
}

/** The image that is chosen at first, where it is in the catalog. */
const PREFERRED_IMAGE = 'debian-mini';

/** The wizard. The catalog may come later. */
export function wizard(images: readonly Image[]): MachineForm {
  const before = {...EMPTY, network: 'user', tier: TIER_OF_SETTINGS, start: 'yes'};
  return withImages(open('create', undefined, images, before), images);
}

/** The form with the catalog as it is now; what was typed stays. */
export function withImages(form: MachineForm, images: readonly Image[]): MachineForm {
  const isThere = (name: string) => images.some((image) => image.name === name);
  const wanted = [form.values.image.text, PREFERRED_IMAGE].find(isThere) ?? images[0]?.name ?? '';
  return form.mode === 'edit' ? form : {...form, images, values: {...form.values, image: textInput(wanted)}};
}

/** The form that changes a machine. */
export function editForm(machine: Machine): MachineForm {
  const {id, name, config, labels} = machine;
  const boot = config?.boot;
  return open('edit', id, [], {
    ...EMPTY,
    name,
    memory: config === undefined ? '' : exactSize(config.memoryBytes),
    cpus: config === undefined ? '' : String(config.hartCount),
    commandLine: (boot !== undefined && 'commandLine' in boot ? boot.commandLine : undefined) ?? '',
    network: networkChoice(machine),
    tier: config?.tier ?? TIER_OF_SETTINGS,
    group: labels?.group ?? '',
    tags: (labels?.tags ?? []).join(' '),
    start: 'no',
  });
}

/** The fields that a form has. */
export function fieldsOf({mode}: MachineForm): readonly MachineField[] {
  return FIELDS_OF[mode].map((id) => MACHINE_FIELDS[id]);
}

/** Its values, without blanks around them. */
export function draftOf({values}: MachineForm): Draft {
  return Object.fromEntries(FIELD_IDS.map((id) => [id, values[id].text.trim()])) as Record<FieldId, string>;
}

/** What its values are weighed against, as the fleet is now. */
export function factsOf(form: MachineForm, machines: readonly Machine[]): FieldFacts {
  return {
    image: form.images.find(({name}) => name === form.values.image.text),
    machine: machines.find(({id}) => id === form.machineId),
    takenNames: machines.filter(({id}) => id !== form.machineId).map(({name}) => name),
  };
}

/** Why a machine's make cannot change now, in one sentence; undefined when it can. */
export function makeLock(machine: Machine | undefined): string | undefined {
  if (machine === undefined) return undefined;
  if (machine.saved !== undefined) return text.machineForm.savedLock(machine.name);
  return ['defined', 'crashed'].includes(machine.state)
    ? undefined
    : text.machineForm.liveLock(machine.name, text.states.names[machine.state]);
}

/** What is wrong with a field, in one sentence. Those that cannot change now are not looked at. */
export function problemOf(form: MachineForm, id: FieldId, machines: readonly Machine[]): string | undefined {
  const facts = factsOf(form, machines);
  const field = MACHINE_FIELDS[id];
  if (field.isMake && makeLock(facts.machine) !== undefined) return undefined;
  const draft = draftOf(form);
  return field.check(draft[id], draft, facts);
}

/** The first field that is wrong. */
export function firstProblem(form: MachineForm, machines: readonly Machine[]): FieldId | undefined {
  return FIELDS_OF[form.mode].find((id) => problemOf(form, id, machines) !== undefined);
}

/** The command line that does what the form would; empty where something is wrong or nothing changes. */
export function formCommand(form: MachineForm, machines: readonly Machine[]): string {
  if (firstProblem(form, machines) !== undefined) return '';
  const draft = draftOf(form);
  if (form.mode === 'create') return shellLine(createWords(createRequest(draft), draft.start === 'yes'));
  return changeWords(form.before.name, changesBetween(form.before, draft)).map(shellLine).join(' && ');
}

/** Gives the keys to a field, if the form has it. */
export function focusField(form: MachineForm, id: FieldId): MachineForm {
  return FIELDS_OF[form.mode].includes(id) && !form.isBusy ? {...form, focused: id} : form;
}

/** Applies a key or paste. */
export function stepMachineForm(form: MachineForm, event: InputEvent, machines: readonly Machine[]): MachineFormStep {
  const key = event.kind === 'key' ? event.key : '';
  if (key === 'esc') return {kind: 'cancelled'};
  if (form.isBusy) return {kind: 'edited', form};
  if (key === 'enter') {
    const wrong = firstProblem(form, machines);
    return wrong === undefined ? {kind: 'submitted'} : {kind: 'edited', form: {...form, focused: wrong}};
  }
  return {kind: 'edited', form: stepField(form, event, key, machines)};
}

function stepField(form: MachineForm, event: InputEvent, key: string, machines: readonly Machine[]): MachineForm {
  const {focused} = form;
  if (key === 'tab' || key === 'shift-tab') return moved(form, key === 'tab' ? 1 : -1, true);
  const by = {up: -1, down: 1, pageup: -5, pagedown: 5}[key];
  if (by !== undefined) return focused === 'image' ? movedInCatalog(form, by) : moved(form, Math.sign(by), false);
  const facts = factsOf(form, machines);
  const field = MACHINE_FIELDS[focused];
  if (focused === 'image' || (field.isMake && makeLock(facts.machine) !== undefined)) return form;
  const choices = field.choices?.(facts);
  if (choices) {
    const step = {right: 1, space: 1, left: -1}[key];
    const at = choices.indexOf(form.values[focused].text);
    const chosen = step === undefined ? undefined : choices[(at + step + choices.length) % choices.length];
    return chosen === undefined ? form : changed(form, textInput(chosen));
  }
  const input = editText(form.values[focused], event);
  return input ? changed(form, input) : form;
}

function changed(form: MachineForm, input: TextInput): MachineForm {
  return {...form, values: {...form.values, [form.focused]: input}, error: undefined};
}

function moved(form: MachineForm, by: number, isCircle: boolean): MachineForm {
  const ids = FIELDS_OF[form.mode];
  const at = ids.indexOf(form.focused) + by;
  const next = isCircle ? (at + ids.length) % ids.length : Math.min(ids.length - 1, Math.max(0, at));
  return {...form, focused: ids[next] ?? form.focused};
}

// Beyond the last image lies the next field: whoever knows only arrows gets everywhere.
function movedInCatalog(form: MachineForm, by: number): MachineForm {
  const {images} = form;
  const at = images.findIndex(({name}) => name === form.values.image.text);
  if (by > 0 && at === images.length - 1) return moved(form, 1, false);
  const image = images[Math.min(images.length - 1, Math.max(0, at + by))];
  return image ? chooseImage(form, image.name) : form;
}

/** Chooses an image of the catalog. */
export function chooseImage(form: MachineForm, name: string): MachineForm {
  if (form.isBusy || !form.images.some((image) => image.name === name)) return form;
  return changed({...form, focused: 'image'}, textInput(name));
}
