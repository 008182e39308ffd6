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

/** The row of tabs, each with its digit, one blank before each. */
export function tabSpans(tabs: readonly Tab[]): readonly TabSpan[] {
  let start = 1;
  return tabs.map((tab, index) => {
    const text = ` ${index + 1} ${tabLabel(tab)} `;
    const span = {tab, text, start, end: start + textWidth(text)};
    start = span.end + 1;
    return span;
  });
}
