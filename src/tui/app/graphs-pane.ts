/** The graphs of the highlighted machine, from the state to the screen: what is shown, and what must be asked for it. */
import type {MachineSample} from '../../manager/protocol/metrics.js';
import {type BoardChart, ChartBoard} from '../graphs/chart-board.js';
import type {SparkStyle} from '../graphs/sparkline.js';
import type {GraphsNews} from '../state/events.js';
import {CHART_COUNT, shownCurves, shownSpan} from '../state/graphs.js';
import type {AppState} from '../state/model.js';
import {arrangeCharts} from '../state/presenters/chart-places.js';
import {type Chart, machineCharts} from '../state/presenters/charts.js';
import {graphsCaption} from '../state/presenters/graphs-caption.js';
import {selectedMachine} from '../state/selectors.js';
import {COLOR_DEFAULT, type Rect} from '../terminal/cells.js';
import type {Painter} from '../terminal/compositor.js';
import {cellColor, type Theme, type ThemeToken} from '../theme.js';
import type {FleetClient} from './backend.js';
import {CurveWatch} from './curve-watch.js';

const NO_SAMPLES: readonly MachineSample[] = [];

/** What it is made with. `changed` is called when there is something new to paint. */
export interface GraphsPaneOptions {
  readonly style: SparkStyle;
  changed(): void;
  /** The theme that is chosen. */
  themeOf(state: AppState): Theme;
}

/** See the module. */
export class GraphsPane implements Disposable {
  private readonly themeOf: GraphsPaneOptions['themeOf'];
  private theme: Theme | undefined;
  private readonly board: ChartBoard;
  private watch: CurveWatch | undefined;
  private shown: readonly unknown[] = [];

  constructor({themeOf, style, changed}: GraphsPaneOptions) {
    this.themeOf = themeOf;
    this.board = new ChartBoard(changed, style);
  }

  /** Has somebody to ask from now on. */
  connect(client: FleetClient, dispatch: (news: GraphsNews) => void): void {
    this.watch = new CurveWatch(client, dispatch);
  }

  /** Brings the charts in line with the state; `content` is the pane that they are in, when they are in sight. */
  update(state: AppState, content: Rect | undefined): void {
    const machine = state.tab === 'graphs' && !state.graphs.isFleetShown ? selectedMachine(state) : undefined;
    const span = shownSpan(state);
    const isPast = machine !== undefined && state.graphs.spanIndex > 0;
    this.watch?.follow(isPast ? {machineId: machine.id, spanMs: span.spanMs} : undefined, state.nowMs);
    if (machine === undefined || content === undefined) {
      this.shown = [];
      return;
    }
    const samples = state.samples.get(machine.id) ?? NO_SAMPLES;
    const curves = shownCurves(state);
    // Of the past, only numbers beside the headings are new with each sample.
    this.theme = this.themeOf(state);
    const shown = [machine, samples, curves, state.graphs, this.theme, ...Object.values(content)];
    if (shown.every((value, index) => value === this.shown[index]) && this.shown.length > 0) return;
    this.shown = shown;
    const places = arrangeCharts(content, CHART_COUNT, state.graphs.firstRow);
    const charts = machineCharts(machine, samples, span, curves, state.nowMs).map((chart) => this.colored(chart));
    this.board.update({
      caption: graphsCaption(state, places).map(({text, isChosen, isProblem}) => ({
        text: isChosen ? ` ${text} ` : text,
        color: isProblem ? this.color('failed') : isChosen ? COLOR_DEFAULT : this.color('faint'),
        isChosen,
      })),
      charts: places.rects.length === 0 ? charts : charts.slice(places.first, places.first + places.rects.length),
      rects: places.rects,
    });
  }

  /** What paints them. */
  painter(content: Rect): Painter {
    return {rect: content, paint: (grid, rect) => this.board.paint(grid, rect)};
  }

  [Symbol.dispose](): void {
    this.board[Symbol.dispose]();
  }

  private colored({title, legend, lines, maxValue, labels}: Chart): BoardChart {
    return {
      title,
      maxValue,
      labels,
      legend: legend.map(({text, token}) => ({text, color: token === undefined ? COLOR_DEFAULT : this.color(token)})),
      lines: lines.map(({values, token}) => ({values, color: this.color(token)})),
    };
  }

  private color(token: ThemeToken): number {
    return this.theme === undefined ? COLOR_DEFAULT : cellColor(this.theme[token]);
  }
}
