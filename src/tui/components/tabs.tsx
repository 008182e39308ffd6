import type {ReactElement} from 'react';
import {TABS, type Tab} from '../state/model.js';
import {tabSpans} from '../state/presenters/tabs.js';
import {Line} from './line.js';

/** The row of numbered tabs. */
export function Tabs({active, width}: {active: Tab; width: number}): ReactElement {
  const segments = tabSpans(TABS, active, width).flatMap(({tab, text}) => [
    {text: ' '},
    tab === active ? {text, isInverse: true} : {text, token: 'faint' as const},
  ]);
  return <Line segments={segments} width={width} />;
}
