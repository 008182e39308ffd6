import {Box} from 'ink';
import type {ReactElement} from 'react';
import type {FormField, FormState} from '../state/form.js';
import {fitCells} from '../terminal/char-width.js';
import {text} from '../text/text.js';
import {inputSegments} from './input-segments.js';
import {Line, type Segment} from './line.js';
import {PlainText} from './plain-text.js';

const LABEL_WIDTH = 10;

/** The fields of a form, one a row, with the error below. */
export function FormView({form, width}: {form: FormState; width: number}): ReactElement {
  return (
    <Box flexDirection="column" width={width} paddingTop={1}>
      {form.fields.map((field, index) => (
        <Line
          key={field.id}
          width={width}
          segments={fieldSegments(field, index === form.focused && !form.isBusy, width)}
        />
      ))}
      <PlainText text=" " />
      <PlainText
        text={form.isBusy ? ` ${text.dialogs.working}` : ` ${form.error ?? ''}`}
        token={form.error === undefined ? 'faint' : 'failed'}
        isWrapped
      />
    </Box>
  );
}

function fieldSegments(field: FormField, isFocused: boolean, width: number): Segment[] {
  const label: Segment = {
    text: fitCells(`${isFocused ? '▸' : ' '} ${field.label}`, LABEL_WIDTH),
    ...(isFocused ? {token: 'accent', isBold: true} : {}),
  };
  if (field.kind === 'choice') {
    const chosen = field.choices[field.chosen] ?? text.words.none;
    return [label, {text: isFocused ? `◂ ${chosen} ▸` : `  ${chosen}`, isBold: isFocused}];
  }
  const {input, placeholder} = field;
  if (isFocused) return [label, ...inputSegments(input, placeholder, width - LABEL_WIDTH - 3)];
  return [label, input.text === '' ? {text: `  ${placeholder}`, token: 'faint'} : {text: `  ${input.text}`}];
}
