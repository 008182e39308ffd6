/**
 * What every sample changes, painted over what Ink drew of it: the header's numbers, the list's, and the lines in the pane's
 * border. So a screen on which only numbers move costs no render of the whole (8 ms), but a few hundred cells (0.1 ms).
 */
import type {SparkStyle} from '../graphs/sparkline.js';
import {LIST_HEAD_ROWS, listHeight} from '../screen.js';
import type {Layout} from '../state/layout.js';
import {firstListRow, listRows} from '../state/list.js';
import type {AppState} from '../state/model.js';
import {headerLine} from '../state/presenters/header.js';
import {machineFooter, machineTitle} from '../state/presenters/machine.js';
import {listedRow} from '../state/presenters/row.js';
import {selectedMachine} from '../state/selectors.js';
import {ATTR_BOLD, ATTR_INVERSE, type CellGrid, PLAIN, type Rect} from '../terminal/cells.js';
import {borderLabel, fitCells, textWidth} from '../terminal/char-width.js';
import type {Painter} from '../terminal/compositor.js';
import {paintText} from '../terminal/paint-text.js';
import {cellColor, type Theme} from '../theme.js';

/** The header's first word, ` vivarium`: it never changes. */
const HEADER_NAME_CELLS = 9;

/** How things look. */
export interface LiveLook {
  readonly sparkStyle: SparkStyle;
  readonly theme: Theme;
}

/** Painters of what is shown of a list beside a pane, or of either alone. */
export function livePainters(state: AppState, layout: Layout, look: LiveLook): readonly Painter[] {
  const {columns} = state.size;
  if (layout.list === undefined && layout.pane === undefined) return [];
  const header = {x: HEADER_NAME_CELLS, y: 0, width: Math.max(0, columns - HEADER_NAME_CELLS), height: 1};
  const painters: Painter[] = [{rect: header, paint: (grid, rect) => paintHeader(state, grid, rect)}];
  const {list, pane} = layout;
  if (list) painters.push({rect: list, paint: (grid, rect) => paintRows(state, grid, rect, look)});
  if (pane) painters.push({rect: pane, paint: (grid, rect) => paintBorders(state, grid, rect, look.theme)});
  return painters;
}

function paintHeader(state: AppState, grid: CellGrid, {x, y, width}: Rect): void {
  paintText(grid, x, y, width, fitCells(`  ${headerLine(state)}`, width));
}

function paintRows(state: AppState, grid: CellGrid, list: Rect, {sparkStyle, theme}: LiveLook): void {
  const height = listHeight(list);
  const width = list.width - 2;
  const first = firstListRow(state, height);
  for (const [index, row] of listRows(state)
    .slice(first, first + height)
    .entries()) {
    if (row.kind === 'group') continue;
    const shown = listedRow(state, row.machine, width, sparkStyle);
    const numbersWidth = textWidth(shown.numbers);
    const sparkWidth = textWidth(shown.spark);
    const x = list.x + 1 + width - numbersWidth - sparkWidth;
    const y = list.y + LIST_HEAD_ROWS + index;
    const look = shown.isSelected ? {...PLAIN, attrs: ATTR_INVERSE} : PLAIN;
    const sparkLook = shown.isSelected ? look : {...PLAIN, fg: cellColor(theme.chartCpu)};
    paintText(grid, x, y, sparkWidth, shown.spark, sparkLook);
    paintText(grid, x + sparkWidth, y, numbersWidth, shown.numbers, look);
  }
}

function paintBorders(state: AppState, grid: CellGrid, pane: Rect, theme: Theme): void {
  const machine = selectedMachine(state);
  if (machine === undefined) return;
  const isFocused = state.focus === 'console';
  const fg = cellColor(isFocused ? theme.borderFocused : theme.border);
  const last = pane.y + pane.height - 1;
  paintLabel(grid, pane, pane.y, machineTitle(machine, state.nowMs, state.boot), fg, isFocused);
  paintLabel(grid, pane, last, machineFooter(machine, state.samples.get(machine.id) ?? []), fg, false);
}

/** A border's label and the line behind it, as `Frame` has them. */
function paintLabel(grid: CellGrid, {x, width}: Rect, y: number, label: string, fg: number, isBold: boolean): void {
  const text = borderLabel(label, width);
  const cells = textWidth(text);
  paintText(grid, x + 1, y, width - 2, text, {...PLAIN, attrs: isBold ? ATTR_BOLD : 0});
  paintText(grid, x + 1 + cells, y, width - 2 - cells, '─'.repeat(Math.max(0, width - 2 - cells)), {...PLAIN, fg});
}
