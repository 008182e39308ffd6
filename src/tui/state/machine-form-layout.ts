/** Where the parts of a machine's form lie: the catalog, fields that scroll, what is wrong, the command line. */
import type {Image} from '../../manager/protocol/image.js';
import type {Machine} from '../../manager/protocol/machine.js';
import type {Rect} from '../terminal/cells.js';
import {wrapText} from '../terminal/char-width.js';
import {text} from '../text/text.js';
import {centered} from './layout.js';
import type {FieldId} from './machine-fields.js';
import {MACHINE_FIELDS} from './machine-fields.js';
import {factsOf, fieldsOf, firstProblem, formCommand, type MachineForm, makeLock, problemOf} from './machine-form.js';
import type {ScreenSize} from './model.js';

const FORM_COLUMNS = 100;
/** Images of the catalog that are shown at once. */
const CATALOG_ROWS = 5;
const MESSAGE_ROWS = 2;
const COMMAND_ROWS = 3;

/** A row that scrolls: an image of the catalog, what it is, or a field. */
export type MachineFormRow =
  | {readonly kind: 'image'; readonly image: Image; readonly isChosen: boolean}
  | {readonly kind: 'about'; readonly text: string}
  | {readonly kind: 'field'; readonly id: FieldId};

/** Everything that is drawn. `rows` are those in sight, from the first line inside the frame. */
export interface MachineFormLayout {
  readonly rect: Rect;
  readonly rows: readonly MachineFormRow[];
  readonly hasMore: {readonly above: boolean; readonly below: boolean};
  readonly message: {readonly lines: readonly string[]; readonly isProblem: boolean};
  readonly command: readonly string[];
}

function allRows(form: MachineForm): readonly MachineFormRow[] {
  const fields = fieldsOf(form)
    .filter(({id}) => id !== 'image')
    .map(({id}): MachineFormRow => ({kind: 'field', id}));
  if (form.mode === 'edit') return fields;
  const chosen = form.images.findIndex(({name}) => name === form.values.image.text);
  const first = Math.max(0, Math.min(chosen - Math.floor(CATALOG_ROWS / 2), form.images.length - CATALOG_ROWS));
  const catalog = form.images
    .slice(first, first + CATALOG_ROWS)
    .map((image): MachineFormRow => ({kind: 'image', image, isChosen: image.name === form.values.image.text}));
  return [...catalog, {kind: 'about', text: form.images[chosen]?.description ?? ''}, ...fields];
}

/** Lays a form out on a screen. */
export function layoutMachineForm(
  form: MachineForm,
  machines: readonly Machine[],
  size: ScreenSize,
): MachineFormLayout {
  const all = allRows(form);
  const below = 1 + MESSAGE_ROWS + COMMAND_ROWS;
  const rect = centered(size, FORM_COLUMNS, all.length + below + 2);
  const height = Math.max(1, rect.height - 2 - below);
  const at = all.findIndex((row) =>
    form.focused === 'image' ? row.kind === 'image' && row.isChosen : row.kind === 'field' && row.id === form.focused,
  );
  const first = Math.max(0, Math.min(at - Math.floor(height / 2), all.length - height));
  const message = formMessage(form, machines);
  return {
    rect,
    rows: all.slice(first, first + height),
    hasMore: {above: first > 0, below: first + height < all.length},
    message: {
      lines: wrapText(message.text, rect.width - 4).slice(0, MESSAGE_ROWS),
      isProblem: message.isProblem,
    },
    command: commandLines(formCommand(form, machines), rect.width - 5),
  };
}

/** What is to be said of a form: what is wrong, of the field that has the keys first; else what that field takes. */
export function formMessage(
  form: MachineForm,
  machines: readonly Machine[],
): {readonly text: string; readonly isProblem: boolean} {
  if (form.isBusy) return {text: text.dialogs.working, isProblem: false};
  if (form.error !== undefined) return {text: form.error, isProblem: true};
  const field = MACHINE_FIELDS[form.focused];
  const lock = field.isMake ? makeLock(factsOf(form, machines).machine) : undefined;
  const own = lock ?? problemOf(form, form.focused, machines);
  if (own !== undefined) return {text: own, isProblem: true};
  const wrong = firstProblem(form, machines);
  const problem = wrong === undefined ? undefined : problemOf(form, wrong, machines);
  if (wrong === undefined || problem === undefined) return {text: field.help, isProblem: false};
  return {text: text.machineForm.problem(MACHINE_FIELDS[wrong].label, problem), isProblem: true};
}

/** A command in lines of any words: what is longer than they are is cut, which is told. */
function commandLines(command: string, width: number): readonly string[] {
  const lines: string[] = [];
  let rest = command;
  while (rest !== '' && lines.length < COMMAND_ROWS) {
    const fits = rest.slice(0, width);
    const blank = rest.length > width ? fits.lastIndexOf(' ') : -1;
    // A word that is longer than half a line is broken: at its beginning too little would be left.
    const length = blank > width / 2 ? blank + 1 : fits.length;
    lines.push(rest.slice(0, length));
    rest = rest.slice(length);
  }
  if (rest !== '') lines[lines.length - 1] = `${lines.at(-1)?.slice(0, width - 1)}…`;
  return lines;
}

/** What a click on a line of the form means: `y` counts from the screen's first. */
export function rowAt(layout: MachineFormLayout, y: number): MachineFormRow | undefined {
  return layout.rows[y - layout.rect.y - 1];
}
