/** Which time the graphs show, which of them are in sight, and the fleet view; what follows from news of them. */
import type {MetricsCurves} from '../../manager/protocol/metrics.js';
import type {GraphsNews} from './events.js';
import {layoutOf} from './list.js';
import type {AppState, Tab} from './model.js';
import {arrangeCharts} from './presenters/chart-places.js';
import {selectedMachine} from './selectors.js';

/** Spans that graphs show, shortest first. The shortest comes from samples as they arrive, the others from the daemon's history. */
export const SPANS = [
  {name: '1 min', spanMs: 60_000, labels: ['-60s', '-45s', '-30s', '-15s']},
  {name: '5 min', spanMs: 300_000, labels: ['-5m', '-4m', '-3m', '-2m', '-1m']},
  {name: '1 h', spanMs: 3_600_000, labels: ['-60m', '-45m', '-30m', '-15m']},
] as const;

/** One of {@link SPANS}. */
export type Span = (typeof SPANS)[number];

/** Numbers that the table of the fleet view is sorted by, the highest first. */
export const FLEET_ORDERS = ['cpu', 'memory', 'disk', 'net'] as const;
/** One of {@link FLEET_ORDERS}. */
export type FleetOrder = (typeof FLEET_ORDERS)[number];

/** What the daemon told of the past of one machine. */
export interface LoadedCurves {
  readonly machineId: string;
  readonly spanMs: number;
  readonly data: MetricsCurves;
}

/** See the module. `firstRow` counts rows of charts that are scrolled out of sight. */
export interface GraphsView {
  readonly spanIndex: number;
  readonly firstRow: number;
  readonly curves: LoadedCurves | undefined;
  /** Why there are no curves. */
  readonly problem: string | undefined;
  readonly isFleetShown: boolean;
  readonly fleetOrder: FleetOrder;
}

/** Before anything was chosen. */
export const initialGraphs: GraphsView = {
  spanIndex: 0,
  firstRow: 0,
  curves: undefined,
  problem: undefined,
  isFleetShown: false,
  fleetOrder: 'cpu',
};

/** Charts of a machine. */
export const CHART_COUNT = 6;

/** The state after news of the graphs. */
export function reduceGraphs(state: AppState, news: GraphsNews): AppState {
  const {graphs} = state;
  const changed = (changes: Partial<GraphsView>): AppState => ({...state, graphs: {...graphs, ...changes}});
  switch (news.type) {
    case 'spanMoved': {
      const spanIndex = Math.min(SPANS.length - 1, Math.max(0, graphs.spanIndex + news.by));
      return spanIndex === graphs.spanIndex ? state : changed({spanIndex, problem: undefined});
    }
    case 'chartsScrolled': {
      const firstRow = Math.min(lastFirstRow(state), Math.max(0, graphs.firstRow + news.by));
      return firstRow === graphs.firstRow ? state : changed({firstRow});
    }
    case 'curvesLoaded':
      return changed({curves: news.curves, problem: undefined});
    case 'curvesFailed':
      return changed({problem: news.problem});
    case 'fleetViewShown':
      return graphs.isFleetShown === news.isShown ? state : changed({isFleetShown: news.isShown});
    case 'fleetOrderMoved': {
      const at = FLEET_ORDERS.indexOf(graphs.fleetOrder) + news.by + FLEET_ORDERS.length;
      return changed({fleetOrder: FLEET_ORDERS[at % FLEET_ORDERS.length] ?? 'cpu'});
    }
  }
}

/** How far charts can be scrolled: 0 when all are in sight. */
export function lastFirstRow(state: AppState): number {
  const {content} = layoutOf(state);
  return content === undefined ? 0 : arrangeCharts(content, CHART_COUNT, 0).lastFirstRow;
}

/** What has keys of its own: a tab, or the fleet view. */
export type KeyScope = Tab | 'fleet';

/** True while the fleet view is what one sees. */
export function isFleetInSight({graphs, focus, machines}: AppState): boolean {
  return graphs.isFleetShown && focus === 'list' && machines.length > 0;
}

/** Whose keys are in force. */
export function keyScope(state: AppState): KeyScope {
  return isFleetInSight(state) ? 'fleet' : state.tab;
}

/** The span that is shown. */
export function shownSpan(state: AppState): Span {
  return SPANS[state.graphs.spanIndex] ?? SPANS[0];
}

/** What the daemon told for the span and the machine that are shown, if it has. */
export function shownCurves(state: AppState): MetricsCurves | undefined {
  const {curves} = state.graphs;
  const isShown = curves?.machineId === selectedMachine(state)?.id && curves?.spanMs === shownSpan(state).spanMs;
  return isShown ? curves?.data : undefined;
}
