import type {InputEvent} from '../terminal/key-decoder.js';

/** A line of text being edited; `cursor` counts code points from the start. */
export interface TextInput {
  readonly text: string;
  readonly cursor: number;
}

/** Longest text a field takes. */
const MAX_LENGTH = 256;

/** A text input with the cursor at its end. */
export function textInput(text = ''): TextInput {
  return {text, cursor: [...text].length};
}

/** Applies a key or paste to a text input; returns `undefined` when the key is not one of editing. */
export function editText(input: TextInput, event: InputEvent): TextInput | undefined {
  const chars = [...input.text];
  const {cursor} = input;
  if (event.kind === 'mouse') return undefined;
  // Line ends and controls of a paste would leave the single line.
  const typed =
    event.kind === 'paste' ? [...event.text].filter((char) => char >= ' ' && char !== '\x7f') : [...event.text];
  if (typed.length > 0) {
    const text = [...chars.slice(0, cursor), ...typed, ...chars.slice(cursor)].slice(0, MAX_LENGTH);
    return {text: text.join(''), cursor: Math.min(cursor + typed.length, text.length)};
  }
  const key = event.kind === 'key' ? event.key : '';
  switch (key) {
    case 'backspace':
      return {
        text: [...chars.slice(0, Math.max(0, cursor - 1)), ...chars.slice(cursor)].join(''),
        cursor: Math.max(0, cursor - 1),
      };
    case 'delete':
      return {text: [...chars.slice(0, cursor), ...chars.slice(cursor + 1)].join(''), cursor};
    case 'left':
      return {...input, cursor: Math.max(0, cursor - 1)};
    case 'right':
      return {...input, cursor: Math.min(chars.length, cursor + 1)};
    case 'home':
    case 'ctrl-a':
      return {...input, cursor: 0};
    case 'end':
    case 'ctrl-e':
      return {...input, cursor: chars.length};
    case 'ctrl-u':
      return {text: chars.slice(cursor).join(''), cursor: 0};
    case 'ctrl-w': {
      const kept = chars
        .slice(0, cursor)
        .join('')
        .replace(/\S+\s*$/, '');
      return {text: kept + chars.slice(cursor).join(''), cursor: [...kept].length};
    }
    default:
      return undefined;
  }
}
