import type {Action} from '../keys/action.js';
import {lastFirstRow, SPANS, shownSpan} from '../state/graphs.js';
import type {AppState} from '../state/model.js';
import {paneRefusal} from '../state/selectors.js';
import {text} from '../text/text.js';

function hasGraphs(state: AppState): true | string {
  const refusal = paneRefusal(state);
  if (refusal !== undefined) return refusal;
  return state.machines.length > 0 ? true : text.fleet.noMachine;
}

function canScroll(state: AppState): true | string {
  if (hasGraphs(state) !== true) return hasGraphs(state);
  return lastFirstRow(state) > 0 ? true : text.actions.graphsBack.refusals.all;
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
  help: text.actions.spanShorter.help(SPANS.map(({name}) => name)),
  isEnabled: (state) =>
    hasGraphs(state) === true && shownSpan(state) === SPANS[0]
      ? text.actions.spanShorter.refusals.shortest
      : hasGraphs(state),
  run: ({dispatch}) => dispatch({type: 'spanMoved', by: -1}),
});

/** A longer span. */
export const spanLonger = graphsAction({
  id: 'graphs.longer',
  keys: ['right', 'l'],
  help: text.actions.spanLonger.help,
  hint: {label: text.actions.spanLonger.hint, rank: -5},
  isEnabled: (state) =>
    hasGraphs(state) === true && shownSpan(state) === SPANS.at(-1)
      ? text.actions.spanLonger.refusals.longest
      : hasGraphs(state),
  run: ({dispatch}) => dispatch({type: 'spanMoved', by: 1}),
});

/** Charts before. */
export const graphsBack = graphsAction({
  id: 'graphs.back',
  keys: [','],
  help: text.actions.graphsBack.help,
  isEnabled: canScroll,
  run: ({dispatch}) => dispatch({type: 'chartsScrolled', by: -1}),
});

/** Charts after. */
export const graphsOn = graphsAction({
  id: 'graphs.on',
  keys: ['.'],
  help: text.actions.graphsOn.help,
  hint: {label: text.actions.graphsOn.hint, rank: -4},
  isEnabled: canScroll,
  run: ({dispatch}) => dispatch({type: 'chartsScrolled', by: 1}),
});
