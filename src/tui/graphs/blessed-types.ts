/** The parts of blessed and blessed-contrib that the graphs use; neither package has types of its own. */

/** One cell of a screen: attribute word and character. */
export type BlessedCell = [number, string];

/** Anything on a blessed screen. */
export interface BlessedNode {
  width: number;
  height: number;
  render(): unknown;
  detach(): void;
  destroy(): void;
}

/** The root of a blessed screen; `lines` are its cells by row. */
export interface BlessedScreen extends BlessedNode {
  readonly lines: BlessedCell[][];
  append(node: BlessedNode): void;
  clearRegion(left: number, right: number, top: number, bottom: number): void;
  alloc(): void;
}

/** What a blessed screen takes its size from. */
export interface BlessedProgram {
  cols: number;
  rows: number;
}

/** The functions of blessed that are called. */
export interface Blessed {
  program(options: object): BlessedProgram;
  screen(options: object): BlessedScreen;
}

/** One line of a line chart. */
export interface LineSeries {
  title: string;
  x: string[];
  y: number[];
  style: {line: string | number};
}

/** Cells of a drawille canvas, row by row: dots as in braille, letters that hide them, colours as escape sequences. */
export interface CanvasCells {
  /** Units: dots, two a cell */
  readonly width: number;
  readonly content: Uint8Array;
  readonly chars: (string | null)[];
  readonly colors: (string | null)[];
}

/** What draws on such a canvas. */
export interface CanvasContext {
  readonly _canvas: CanvasCells;
  clearRect(x: number, y: number, width: number, height: number): void;
  beginPath(): void;
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
}

/** blessed-contrib's line chart; it has a canvas once it was appended. */
export interface LineWidget extends BlessedNode {
  readonly options: {maxY: number; showNthLabel: number};
  setData(series: LineSeries[]): void;
  readonly ctx: CanvasContext;
}

/** blessed-contrib's gauge. */
export interface GaugeWidget extends BlessedNode {
  setPercent(percent: number): void;
}

/** A ring of blessed-contrib's donut. `percent` is 0 to 100 */
export interface DonutRing {
  percent: number;
  label: string;
  color: number;
  percentAltNumber?: number;
}

/** blessed-contrib's donut chart. */
export interface DonutWidget extends BlessedNode {
  setData(rings: DonutRing[]): void;
}

/** blessed-contrib's table. */
export interface TableWidget extends BlessedNode {
  setData(content: {headers: string[]; data: string[][]}): void;
}
