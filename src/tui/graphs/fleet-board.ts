/**
 * The whole fleet on the whole screen: gauges of the host, a ring for each state, a table. blessed-contrib's widgets are
 * drawn off-screen, and only when what they show has changed; frames copy what was drawn.
 *
 *   gauges  │ rings           rings only where there is room for them
 *   heading
 *   machines, the highest first
 *   sums
 */
import {ATTR_BOLD, ATTR_INVERSE, type CellGrid, type Color, PLAIN, type Rect} from '../terminal/cells.js';
import {fitCells} from '../terminal/char-width.js';
import {paintText} from '../terminal/paint-text.js';
import {FleetWidgets, GAUGE_ROWS, RING_COLUMNS, RING_ROWS} from './fleet-widgets.js';
import type {SparkStyle} from './sparkline.js';

/** A part of the host in use, or of the fleet in a state. `share` is 0 to 1; `text` says it in numbers. */
export interface FleetShare {
  readonly label: string;
  readonly text: string;
  readonly share: number;
  readonly color: Color;
}

/** A column of the table. */
export interface TableColumn {
  readonly title: string;
  readonly width: number;
  readonly isChosen: boolean;
}

/** A row of the table: a text a column, and the colour of the second one. */
export interface TableRow {
  readonly cells: readonly string[];
  readonly color: Color;
}

/** What is shown. `selected` is an index of `rows`. */
export interface FleetPicture {
  readonly gauges: readonly FleetShare[];
  readonly rings: readonly FleetShare[];
  readonly columns: readonly TableColumn[];
  readonly rows: readonly TableRow[];
  readonly sums: readonly string[];
  readonly selected: number;
}

interface Drawn {
  readonly key: string;
  readonly grid: CellGrid;
}

/** Rows that the host's gauges take: a line of text and a bar each. */
const GAUGE_HEIGHT = 1 + GAUGE_ROWS;
/** Below this height bars and rings leave too little for the table: the gauges are lines of text. */
const TALL_ROWS = 20;
const WIDE_GAUGE = 44;

/** How many machines there is room for in a rectangle. */
export function fleetRowCount(rect: Pick<Rect, 'width' | 'height'>): number {
  return Math.max(1, rect.height - topHeight(rect) - 2);
}

/** The row of the screen that the first machine stands in. */
export function firstFleetRow(rect: Rect): number {
  return rect.y + topHeight(rect) + 1;
}

function topHeight({height}: Pick<Rect, 'height'>): number {
  return height < TALL_ROWS ? 2 : RING_ROWS;
}

/** See the module. */
export class FleetBoard {
  private readonly changed: () => void;
  private readonly style: SparkStyle;
  private picture: FleetPicture | undefined;
  private widgets: FleetWidgets | undefined;
  private isLoading = false;
  private readonly drawn = new Map<string, Drawn>();

  /** `changed` is called when there is something new to paint. */
  constructor(changed: () => void, style: SparkStyle) {
    this.changed = changed;
    this.style = style;
  }

  /** Shows something else. */
  update(picture: FleetPicture): void {
    this.picture = picture;
    this.changed();
  }

  /** Paints into the rectangle. */
  paint(grid: CellGrid, rect: Rect): void {
    const {picture, widgets} = this;
    if (!picture) return;
    if (!widgets) {
      this.load();
      return;
    }
    const top = topHeight(rect);
    const ringWidth = rect.height < TALL_ROWS ? 0 : picture.rings.length * RING_COLUMNS;
    const hasRings = ringWidth > 0 && rect.width - ringWidth >= WIDE_GAUGE;
    const left = {...rect, width: hasRings ? rect.width - ringWidth : rect.width, height: top};
    this.paintGauges(grid, left, picture.gauges, widgets);
    if (hasRings) {
      const key = JSON.stringify(picture.rings);
      const rings = this.keep('rings', key, () => widgets.rings(ringWidth, picture.rings));
      grid.blit(rings, {...rect, x: rect.x + left.width, width: ringWidth, height: top});
    } else if (rect.height >= TALL_ROWS) {
      const text = picture.rings.map(({label, text: count}) => `${count} ${label}`).join(' · ');
      paintText(grid, rect.x + 1, rect.y + top - 1, rect.width - 2, text);
    }
    this.paintTable(grid, {...rect, y: rect.y + top, height: rect.height - top}, picture, widgets);
  }

  private paintGauges(grid: CellGrid, rect: Rect, gauges: readonly FleetShare[], widgets: FleetWidgets): void {
    const isLow = rect.height < GAUGE_HEIGHT * gauges.length;
    for (const [index, gauge] of gauges.entries()) {
      const y = rect.y + index * (isLow ? 1 : GAUGE_HEIGHT);
      const words = `${gauge.label} ${gauge.text}`;
      paintText(grid, rect.x + 1, y, rect.width - 2, words, {
        ...PLAIN,
        attrs: ATTR_BOLD,
        fg: isLow ? gauge.color : PLAIN.fg,
      });
      if (isLow) continue;
      const width = rect.width - 3;
      const key = `${width} ${Math.round(gauge.share * width * 2)} ${Math.round(gauge.share * 100)} ${gauge.color}`;
      const bar = this.keep(`gauge-${index}`, key, () => widgets.gauge(width, gauge));
      grid.blit(bar, {x: rect.x + 1, y: y + 1, width, height: GAUGE_ROWS});
    }
  }

  private paintTable(grid: CellGrid, rect: Rect, picture: FleetPicture, widgets: FleetWidgets): void {
    const {columns, rows, sums, selected} = picture;
    const line = (cells: readonly string[]) =>
      columns.map(({width}, at) => cellText(cells[at] ?? '', width, at)).join(' ');
    const x = rect.x + 1;
    let at = x;
    for (const [index, {title, width, isChosen}] of columns.entries()) {
      const text = cellText(title, width, index);
      paintText(grid, at, rect.y, width, text, {...PLAIN, attrs: ATTR_BOLD | (isChosen ? ATTR_INVERSE : 0)});
      at += width + 1;
    }
    const shown = rows.slice(0, Math.max(0, rect.height - 2));
    const widths = columns.map(({width}) => width);
    const cells = shown.map((row) =>
      columns.map(({width}, column) => cellText(row.cells[column] ?? '', width, column)),
    );
    if (shown.length > 0) {
      const table = this.keep('table', JSON.stringify([widths, cells]), () => widgets.table(widths, cells));
      grid.blit(table, {x, y: rect.y + 1, width: Math.min(rect.width - 2, table.columns), height: shown.length});
    }
    const stateAt = x + (widths[0] ?? 0) + 1;
    for (const [row, {color}] of shown.entries()) {
      tint(grid, {x: stateAt, y: rect.y + 1 + row, width: widths[1] ?? 0, height: 1}, color, 0);
      if (row === selected) tint(grid, {x, y: rect.y + 1 + row, width: at - x - 1, height: 1}, undefined, ATTR_INVERSE);
    }
    const last = rect.y + rect.height - 1;
    paintText(grid, x, last, rect.width - 2, line(sums), {...PLAIN, attrs: ATTR_BOLD});
  }

  /** What was drawn for the same before, else drawn now. */
  private keep(place: string, key: string, draw: () => CellGrid): CellGrid {
    const known = this.drawn.get(place);
    if (known?.key === key) return known.grid;
    const grid = draw();
    this.drawn.set(place, {key, grid});
    return grid;
  }

  private load(): void {
    if (this.isLoading) return;
    this.isLoading = true;
    void FleetWidgets.load(this.style)
      .then((widgets) => {
        this.widgets = widgets;
      })
      .finally(() => {
        this.isLoading = false;
        this.changed();
      });
  }
}

// Words stand at the left of their column, numbers at the right.
function cellText(text: string, width: number, column: number): string {
  return fitCells(text, width, column < 2 ? 'left' : 'right');
}

function tint(grid: CellGrid, rect: Rect, color: Color | undefined, attrs: number): void {
  for (let x = rect.x; x < rect.x + rect.width && x < grid.columns; x++) {
    const at = rect.y * grid.columns + x;
    if (color !== undefined) grid.fg[at] = color;
    grid.attrs[at] = (grid.attrs[at] ?? 0) | attrs;
  }
}
