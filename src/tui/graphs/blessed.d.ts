// The parts of blessed and blessed-contrib that the charts use; neither package has types of its own.

declare module 'blessed' {
  /** One cell of a screen: attribute word and character. */
  export type BlessedCell = [number, string];

  export interface BlessedNode {
    width: number;
    height: number;
    detach(): void;
    destroy(): void;
  }

  export interface BlessedScreen extends BlessedNode {
    readonly lines: BlessedCell[][];
    append(node: BlessedNode): void;
    render(): void;
    alloc(): void;
  }

  export interface BlessedProgram {
    cols: number;
    rows: number;
  }

  interface Blessed {
    program(options: object): BlessedProgram;
    screen(options: object): BlessedScreen;
  }
  const blessed: Blessed;
  export default blessed;
}

declare module 'blessed-contrib/lib/widget/charts/line.js' {
  import type {BlessedNode} from 'blessed';

  export interface LineSeries {
    title: string;
    x: string[];
    y: number[];
    style: {line: string | number[]};
  }

  export interface LineWidget extends BlessedNode {
    setData(series: LineSeries[]): void;
    ctx: {_canvas: {frame(): string}};
  }

  const line: (options: object) => LineWidget;
  export default line;
}
