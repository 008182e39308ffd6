import type {TextInput} from '../state/text-input.js';
import type {Segment} from './line.js';

/**
 * A text that is typed, with its cursor, behind two columns; the placeholder while there is none. The end with the cursor
 * stays in sight where the text is longer than `room`. Units: cells
 */
export function inputSegments({text: typed, cursor}: TextInput, placeholder: string, room: number): Segment[] {
  const chars = [...typed];
  const first = Math.max(0, cursor - room + 1);
  return [
    {text: first > 0 ? ' …' : '  '},
    {text: chars.slice(first, cursor).join('')},
    {text: chars[cursor] ?? ' ', isInverse: true},
    {text: chars.slice(cursor + 1).join('')},
    ...(chars.length === 0 ? [{text: ` ${placeholder}`, token: 'faint' as const}] : []),
  ];
}
