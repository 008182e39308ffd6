import {textWidth} from '../../terminal/char-width.js';
import type {Tab} from '../model.js';
import {tabLabel} from './machine.js';

/** A tab in the row of tabs: its text, and the columns it takes, from the start of the row. */
export interface TabSpan {
  readonly tab: Tab;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** The row of tabs, each with its digit, one blank before each. Where `width` is too little, only the active one has its name. */
export function tabSpans(tabs: readonly Tab[], active: Tab, width: number): readonly TabSpan[] {
  const full = spansOf(tabs, () => true);
  return (full.at(-1)?.end ?? 0) <= width ? full : spansOf(tabs, (tab) => tab === active);
}

function spansOf(tabs: readonly Tab[], isNamed: (tab: Tab) => boolean): readonly TabSpan[] {
  let start = 1;
  return tabs.map((tab, index) => {
    const text = isNamed(tab) ? ` ${index + 1} ${tabLabel(tab)} ` : ` ${index + 1} `;
    const span = {tab, text, start, end: start + textWidth(text)};
    start = span.end + 1;
    return span;
  });
}
