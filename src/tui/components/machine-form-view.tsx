import {Box} from 'ink';
import type {ReactElement} from 'react';
import type {Machine} from '../../manager/protocol/machine.js';
import {MACHINE_FIELDS, shownChoice} from '../state/machine-fields.js';
import {factsOf, type MachineForm, makeLock, problemOf} from '../state/machine-form.js';
import type {MachineFormLayout, MachineFormRow} from '../state/machine-form-layout.js';
import {imageSize} from '../state/presenters/machine-form.js';
import {fitCells} from '../terminal/char-width.js';
import {text} from '../text/text.js';
import {inputSegments} from './input-segments.js';
import {Line, type Segment} from './line.js';

const LABEL_WIDTH = 13;
const NAME_WIDTH = 20;
const SIZE_WIDTH = 22;

/** The rows of a machine's form in sight, what is wrong below them, and the command that does the same. */
export function MachineFormView({
  form,
  machines,
  layout,
}: {
  form: MachineForm;
  machines: readonly Machine[];
  layout: MachineFormLayout;
}): ReactElement {
  const width = layout.rect.width - 2;
  const {lines, isProblem} = layout.message;
  const rest = layout.rect.height - 2 - layout.rows.length - lines.length - layout.command.length;
  return (
    <Box flexDirection="column" width={width}>
      {layout.rows.map((row) => (
        <Line key={keyOf(row)} width={width} segments={rowSegments(row, form, machines, width)} />
      ))}
      <Line width={width} segments={[{text: moreText(layout), token: 'faint'}]} />
      {lines.map((line) => (
        <Line key={line} width={width} segments={[{text: ` ${line}`, token: isProblem ? 'failed' : 'faint'}]} />
      ))}
      {rest > 1 ? <Box height={rest - 1} /> : null}
      {layout.command.map((line, index) => (
        <Line
          key={layout.command.slice(0, index + 1).join('\n')}
          width={width}
          segments={[
            {text: index === 0 ? ' $ ' : '   ', token: 'faint'},
            {text: line, token: 'accent'},
          ]}
        />
      ))}
    </Box>
  );
}

function keyOf(row: MachineFormRow): string {
  return row.kind === 'image' ? `image/${row.image.name}` : row.kind === 'field' ? row.id : 'about';
}

function moreText({hasMore}: MachineFormLayout): string {
  const arrows = `${hasMore.above ? ' ↑' : ''}${hasMore.below ? ' ↓' : ''}`;
  return arrows === '' ? '' : `${arrows} ${text.machineForm.more}`;
}

function rowSegments(row: MachineFormRow, form: MachineForm, machines: readonly Machine[], width: number): Segment[] {
  if (row.kind === 'about') return [{text: `   ${row.text}`, token: 'faint'}];
  if (row.kind === 'image') {
    const {image, isChosen} = row;
    const isLit = isChosen && form.focused === 'image' && !form.isBusy;
    const name = fitCells(`${isLit ? '▸' : isChosen ? '✓' : ' '} ${image.name}`, NAME_WIDTH);
    const size = fitCells(imageSize(image), SIZE_WIDTH);
    return [
      {text: ` ${name}`, isBold: isChosen, ...(isLit ? {token: 'accent'} : {})},
      {text: `${size}  `, token: image.state === 'ready' ? 'running' : 'faint'},
      {text: fitCells(image.title, Math.max(0, width - NAME_WIDTH - SIZE_WIDTH - 4))},
    ];
  }
  const field = MACHINE_FIELDS[row.id];
  const facts = factsOf(form, machines);
  const isLit = form.focused === row.id && !form.isBusy;
  const isLocked = field.isMake && makeLock(facts.machine) !== undefined;
  const isWrong = problemOf(form, row.id, machines) !== undefined;
  const label: Segment = {
    text: ` ${fitCells(`${isLit ? '▸' : ' '} ${field.label}${isWrong ? ' ✗' : ''}`, LABEL_WIDTH)} `,
    ...(isWrong ? {token: 'failed'} : isLit ? {token: 'accent'} : {}),
    isBold: isLit,
  };
  const value = form.values[row.id];
  const shown = shownChoice(field, value.text);
  if (isLocked) return [label, {text: `  ${value.text === '' ? field.placeholder(facts) : shown}`, token: 'faint'}];
  if (field.choices) return [label, {text: isLit ? `◂ ${shown} ▸` : `  ${shown}`, isBold: isLit}];
  const placeholder = field.placeholder(facts);
  if (isLit) return [label, ...inputSegments(value, placeholder, width - LABEL_WIDTH - 5)];
  return [label, value.text === '' ? {text: `  ${placeholder}`, token: 'faint'} : {text: `  ${value.text}`}];
}
