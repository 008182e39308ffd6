/** The fleet view, from the state to the screen. */
import {FleetBoard} from '../graphs/fleet-board.js';
import {isFleetInSight} from '../state/graphs.js';
import type {AppState} from '../state/model.js';
import {fleetRect, fleetView} from '../state/presenters/fleet-view.js';
import {stateLook} from '../state/presenters/machine.js';
import type {Painter} from '../terminal/compositor.js';
import {cellColor, type ThemeToken} from '../theme.js';
import type {GraphsPaneOptions} from './graphs-pane.js';

const GAUGE_TOKENS: readonly ThemeToken[] = ['chartCpu', 'chartMemory'];

/** See the module. */
export class FleetPane {
  private readonly themeOf: GraphsPaneOptions['themeOf'];
  private readonly board: FleetBoard;
  private shown: readonly unknown[] = [];

  constructor({themeOf, style, changed}: GraphsPaneOptions) {
    this.themeOf = themeOf;
    this.board = new FleetBoard(changed, style);
  }

  /** Brings what is shown in line with the state. */
  update(state: AppState): void {
    if (!isFleetInSight(state)) {
      this.shown = [];
      return;
    }
    const theme = this.themeOf(state);
    const {machines, samples, host: hostSample, selectedId, filter, graphs, size} = state;
    const shown = [machines, samples, hostSample, selectedId, filter, graphs, size, theme];
    if (shown.every((value, index) => value === this.shown[index]) && this.shown.length > 0) return;
    this.shown = shown;
    const {host, states, columns, entries, cells, sums, selected} = fleetView(state);
    const total = Math.max(1, state.machines.length);
    const color = (token: ThemeToken) => cellColor(theme[token]);
    this.board.update({
      gauges: host.map((share, index) => ({...share, color: color(GAUGE_TOKENS[index] ?? 'chartCpu')})),
      rings: states.map(({label, token, count}) => ({
        ...{label, text: String(count), share: count / total},
        color: color(token),
      })),
      columns: columns.map(({title, width, order}) => ({title, width, isChosen: order === state.graphs.fleetOrder})),
      rows: entries.map(({machine}, row) => ({
        cells: cells[row] ?? [],
        color: color(stateLook(machine.state).token),
      })),
      ...{sums, selected},
    });
  }

  /** What paints it, while it is in sight. */
  painters(state: AppState): readonly Painter[] {
    if (!isFleetInSight(state)) return [];
    return [{rect: fleetRect(state), paint: (grid, rect) => this.board.paint(grid, rect)}];
  }
}
