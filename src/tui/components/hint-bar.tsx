import type {ReactElement} from 'react';
import type {Hint} from '../keys/hints.js';
import {Line, type Segment} from './line.js';

/** The bottom line: keys and what they do. */
export function HintBar({hints, width}: {hints: readonly Hint[]; width: number}): ReactElement {
  const segments: Segment[] = hints.flatMap((hint) => [
    {text: ` ${hint.key}`, token: 'accent', isBold: true},
    {text: ` ${hint.label} `},
  ]);
  return <Line segments={segments} width={width} />;
}
