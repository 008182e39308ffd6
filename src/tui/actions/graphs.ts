import type {Action} from '../keys/action.js';
import {lastFirstRow, SPANS, shownSpan} from '../state/graphs.js';
import type {AppState} from '../state/model.js';
import {paneRefusal} from '../state/selectors.js';

function hasGraphs(state: AppState): true | string {
  const refusal = paneRefusal(state);
  if (refusal !== undefined) return refusal;
  return state.machines.length > 0 ? true : 'There is no machine yet.';
}

function canScroll(state: AppState): true | string {
  if (hasGraphs(state) !== true) return hasGraphs(state);
  return lastFirstRow(state) > 0 ? true : 'All graphs are in sight.';
}

function graphsAction(
  record: Omit<Action, 'tab' | 'group' | 'isEnabled'> & Partial<Pick<Action, 'isEnabled'>>,
): Action {
  return {tab: 'graphs', group: 'Graphs', isEnabled: hasGraphs, ...record};
}

/** A shorter span. */
export const spanShorter = graphsAction({
  id: 'graphs.shorter',
  keys: ['left', 'h'],
  help: `Show a shorter time: ${SPANS.map(({name}) => name).join(', ')}.`,
  isEnabled: (state) =>
    hasGraphs(state) === true && shownSpan(state) === SPANS[0] ? 'There is no shorter time.' : hasGraphs(state),
  run: ({dispatch}) => dispatch({type: 'spanMoved', by: -1}),
});

/** A longer span. */
export const spanLonger = graphsAction({
  id: 'graphs.longer',
  keys: ['right', 'l'],
  help: 'Show a longer time; it goes on while the UI is closed.',
  hint: {label: 'longer time', rank: -5},
  isEnabled: (state) =>
    hasGraphs(state) === true && shownSpan(state) === SPANS.at(-1) ? 'There is no longer time.' : hasGraphs(state),
  run: ({dispatch}) => dispatch({type: 'spanMoved', by: 1}),
});

/** Charts before. */
export const graphsBack = graphsAction({
  id: 'graphs.back',
  keys: [','],
  help: 'Scroll to the graphs before, where not all fit.',
  isEnabled: canScroll,
  run: ({dispatch}) => dispatch({type: 'chartsScrolled', by: -1}),
});

/** Charts after. */
export const graphsOn = graphsAction({
  id: 'graphs.on',
  keys: ['.'],
  help: 'Scroll to the graphs after.',
  hint: {label: 'more graphs', rank: -4},
  isEnabled: canScroll,
  run: ({dispatch}) => dispatch({type: 'chartsScrolled', by: 1}),
});
