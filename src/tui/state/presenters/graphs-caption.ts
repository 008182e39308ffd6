import {CHART_COUNT, SPANS} from '../graphs.js';
import type {AppState} from '../model.js';
import type {ChartPlaces} from './chart-places.js';

/** A word of the line above the charts. */
export interface CaptionWord {
  readonly text: string;
  readonly isChosen: boolean;
  readonly isProblem?: boolean;
}

/** The line above the charts: spans, which charts are in sight where not all are, and why there is nothing to see. */
export function graphsCaption({graphs}: AppState, {first, rects, lastFirstRow}: ChartPlaces): readonly CaptionWord[] {
  const words: CaptionWord[] = SPANS.map(({name}, index) => ({text: name, isChosen: index === graphs.spanIndex}));
  if (lastFirstRow > 0) words.push({text: `${first + 1}–${first + rects.length}/${CHART_COUNT}`, isChosen: false});
  if (graphs.problem !== undefined) words.push({text: graphs.problem, isChosen: false, isProblem: true});
  return words;
}
