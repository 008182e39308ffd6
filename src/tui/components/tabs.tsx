import type {ReactElement} from 'react';
import {Line} from './line.js';

/** A row of numbered tabs. */
export function Tabs({
  labels,
  active,
  width,
}: {
  labels: readonly string[];
  active: number;
  width: number;
}): ReactElement {
  const segments = labels.flatMap((label, index) => [
    {text: ' '},
    index === active
      ? {text: ` ${index + 1} ${label} `, isInverse: true}
      : {text: ` ${index + 1} ${label} `, token: 'faint' as const},
  ]);
  return <Line segments={segments} width={width} />;
}
