import type {ReactElement} from 'react';
import {Line} from './line.js';

/** Two buttons of which one is highlighted. */
export function ChoiceButtons({
  labels,
  active,
  width,
}: {
  labels: readonly [string, string];
  active: 0 | 1;
  width: number;
}): ReactElement {
  return (
    <Line
      width={width}
      segments={[
        {text: '  '},
        {text: `[ ${labels[0]} ]`, isInverse: active === 0},
        {text: '  '},
        {text: `[ ${labels[1]} ]`, isInverse: active === 1},
      ]}
    />
  );
}
