/** blessed-contrib's widgets of the fleet view, each drawn into a grid of its own. Loaded when the view is first shown. */
import {CellGrid, COLOR_DEFAULT, type Color} from '../terminal/cells.js';
import type {BlessedNode, BlessedScreen, DonutWidget, GaugeWidget, TableWidget} from './blessed-types.js';
import type {FleetShare} from './fleet-board.js';
import {glyphs} from './glyphs.js';
import {copyWidget, FIRST_TAG, hiddenScreen} from './hidden-screen.js';
import type {SparkStyle} from './sparkline.js';

/** Rows of a gauge and of rings. */
export const GAUGE_ROWS = 2;
/** See `GAUGE_ROWS`. */
export const RING_ROWS = 7;
/** Columns that a ring needs. */
export const RING_COLUMNS = 13;

// What the widgets keep free around what they draw, and how large rings are. Units: cells; dots
const GAUGE_MARGIN = {columns: 5, rows: 3, top: 2};
const RING = {radius: 9, arc: 3, marginColumns: 3, marginRows: 3};
const WHITE = 15;
const SHADE = FIRST_TAG + 7;

type Make<Widget> = (options: object) => Widget;

/** See the module. */
export class FleetWidgets {
  private readonly screen: BlessedScreen;
  private readonly makeGauge: Make<GaugeWidget>;
  private readonly makeDonut: Make<DonutWidget>;
  private readonly makeTable: Make<TableWidget>;
  private readonly dots: readonly string[];
  private kept: {readonly shape: string; readonly widget: TableWidget} | undefined;

  private constructor(
    screen: BlessedScreen,
    makers: readonly [Make<GaugeWidget>, Make<DonutWidget>, Make<TableWidget>],
    style: SparkStyle,
  ) {
    this.screen = screen;
    [this.makeGauge, this.makeDonut, this.makeTable] = makers;
    this.dots = glyphs(style);
  }

  /** Loads blessed. */
  static async load(style: SparkStyle): Promise<FleetWidgets> {
    const screen = await hiddenScreen();
    const [{default: gauge}, {default: donut}, {default: table}] = await Promise.all([
      import('blessed-contrib/lib/widget/gauge.js'),
      import('blessed-contrib/lib/widget/donut.js'),
      import('blessed-contrib/lib/widget/table.js'),
    ]);
    return new FleetWidgets(screen, [gauge, donut, table], style);
  }

  /** A bar that is full to a share, with the percentage in it. */
  gauge(width: number, {share, color}: FleetShare): CellGrid {
    const size = {width: width + GAUGE_MARGIN.columns, height: GAUGE_ROWS + GAUGE_MARGIN.rows};
    const widget = this.makeGauge({left: 0, top: 0, ...size, stroke: FIRST_TAG, fill: WHITE});
    return this.draw(widget, width, GAUGE_ROWS, [color], 1, GAUGE_MARGIN.top, () =>
      // Up to 1 it is taken for a share, so half a percent would be half.
      widget.setPercent(Math.min(100, Math.max(share * 100, 1.002))),
    );
  }

  /** Rings beside each other. */
  rings(width: number, rings: readonly FleetShare[]): CellGrid {
    const size = {width: width + RING.marginColumns, height: RING_ROWS + RING.marginRows};
    const look = {radius: RING.radius, arcWidth: RING.arc, remainColor: SHADE, fill: WHITE, yPadding: 2};
    const widget = this.makeDonut({left: 0, top: 0, ...size, ...look});
    const colors = [...rings.map(({color}) => color), ...new Array<Color>(7).fill(COLOR_DEFAULT)].slice(0, 7);
    return this.draw(widget, width, RING_ROWS, [...colors, 8], 0, 0, () =>
      widget.setData(
        rings.map(({label, text, share}, index) => ({
          label,
          percent: Math.max(share * 100, 1.002),
          // It takes 0 for nothing told.
          percentAltNumber: Math.max(Number(text), Number.MIN_VALUE),
          color: FIRST_TAG + index,
        })),
      ),
    );
  }

  /** Rows of a table, one cell between columns. The widget is kept: making its rows takes longer than filling them. */
  table(widths: readonly number[], rows: readonly (readonly string[])[]): CellGrid {
    const width = widths.reduce((sum, one) => sum + one + 1, 0);
    const shape = `${rows.length} ${widths.join(' ')}`;
    if (this.kept?.shape !== shape) {
      this.kept?.widget.destroy();
      const widget = this.makeTable({
        ...{left: 0, top: 0, width: width + 4, height: rows.length + 4, interactive: false, fg: WHITE},
        ...{columnSpacing: 2, columnWidth: widths},
      });
      this.kept = {shape, widget};
    }
    const {widget} = this.kept;
    return this.draw(widget, width, rows.length, [], 1, 2, () =>
      widget.setData({headers: [], data: rows.map((row) => row.map((cell) => cell.replace(/[{}]/g, '|')))}),
    );
  }

  private draw(
    widget: BlessedNode,
    width: number,
    height: number,
    colors: readonly Color[],
    fromX: number,
    fromY: number,
    fill: () => void,
  ): CellGrid {
    const grid = new CellGrid(width, height);
    // Appending makes a widget's canvas.
    this.screen.append(widget);
    fill();
    copyWidget(this.screen, widget, grid, {x: 0, y: 0, width, height}, {colors, dots: this.dots}, fromX, fromY);
    widget.detach();
    if (widget !== this.kept?.widget) widget.destroy();
    return grid;
  }
}
