/** The parts of blessed and blessed-contrib that the charts use; neither package has types of its own. */

/** One cell of a screen: attribute word and character. */
export type BlessedCell = [number, string];

/** Anything on a blessed screen. */
export interface BlessedNode {
  width: number;
  height: number;
  detach(): void;
  destroy(): void;
}

/** The root of a blessed screen; `lines` are its cells by row. */
export interface BlessedScreen extends BlessedNode {
  readonly lines: BlessedCell[][];
  append(node: BlessedNode): void;
  render(): void;
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
  style: {line: string};
}

/** blessed-contrib's line chart; it has a canvas once it was appended. */
export interface LineWidget extends BlessedNode {
  setData(series: LineSeries[]): void;
  ctx: {_canvas: {frame(): string}};
}
