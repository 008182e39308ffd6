import type {Machine} from '../../../manager/protocol/machine.js';
import type {MachineSample} from '../../../manager/protocol/metrics.js';
import {type SparkStyle, sparkline} from '../../graphs/sparkline.js';
import {fitCells} from '../../terminal/char-width.js';
import {visibleText} from '../../terminal/visible-text.js';
import {text} from '../../text/text.js';
import type {ThemeToken} from '../../theme.js';
import {type ListView, type SortColumn, selectedRow} from '../list.js';
import type {AppState} from '../model.js';
import {activityBadge} from './lookback.js';
import {memorySummary, stateLook} from './machine.js';
import {formatPercent} from './units.js';

const STATE_WIDTH = 7;
const SPARK_WIDTH = 3;
const CPU_WIDTH = 5;
const MEMORY_WIDTH = 5;

/** A list row in pieces, so that each can have its colour. Together they are exactly `width` cells. */
export interface MachineRow {
  readonly id: string;
  readonly isSelected: boolean;
  readonly isMarked: boolean;
  readonly name: string;
  /** Blank, with a `?` while its guest waits for somebody's answer. */
  readonly asks: string;
  readonly state: string;
  readonly stateToken: ThemeToken;
  readonly spark: string;
  readonly numbers: string;
}

/** Names are what tells machines apart: other columns come in this order, as far as names keep so much room. */
const MIN_NAME_WIDTH = 14;

interface Columns {
  readonly name: number;
  readonly cpu: number;
  readonly spark: number;
  readonly memory: number;
}

function columnsOf(width: number): Columns {
  let left = width - STATE_WIDTH - MIN_NAME_WIDTH;
  const take = (cells: number) => {
    if (left < cells) return 0;
    left -= cells;
    return cells;
  };
  const [cpu, memory, spark] = [take(CPU_WIDTH), take(MEMORY_WIDTH), take(SPARK_WIDTH)] as const;
  return {cpu, memory, spark, name: Math.max(4, width - STATE_WIDTH - cpu - memory - spark)};
}

/** The heading over the rows, `width` cells. The column that the list is sorted by has an arrow. */
export function listHeading(width: number, {sort, isReversed}: Pick<ListView, 'sort' | 'isReversed'>): string {
  const {columns} = text.fleet;
  const {cpu, spark, memory, name: nameWidth} = columnsOf(width);
  const arrow = (column: SortColumn) => (column === sort ? (isReversed ? '↑' : '↓') : '');
  const numbers =
    fitCells(columns.cpu + arrow('cpu'), cpu === 0 ? 0 : spark + cpu, 'right') +
    fitCells(columns.memory + arrow('memory'), memory, 'right');
  const name = sort === 'age' ? columns.nameByAge + arrow('age') : columns.name + arrow('name');
  return fitCells(
    fitCells(`  ${name}`, nameWidth) + fitCells(columns.state + arrow('state'), STATE_WIDTH) + numbers,
    width,
  );
}

/** A machine's row as the list shows it now. */
export function listedRow(state: AppState, machine: Machine, width: number, sparkStyle: SparkStyle): MachineRow {
  const look = {isSelected: machine.id === selectedRow(state)?.id, isMarked: state.list.marks.has(machine.id)};
  const badge = activityBadge(state.console, machine.id);
  return machineRow(machine, state.samples.get(machine.id) ?? [], look, width, sparkStyle, badge);
}

/** One machine as a row of `width` cells; `badge` is one of them. */
export function machineRow(
  machine: Machine,
  samples: readonly MachineSample[],
  {isSelected, isMarked}: {readonly isSelected: boolean; readonly isMarked: boolean},
  width: number,
  sparkStyle: SparkStyle,
  badge = ' ',
): MachineRow {
  const columns = columnsOf(width);
  const look = stateLook(machine.state);
  const asks = (machine.questions ?? []).length > 0 ? '? ' : ' ';
  const isLive = machine.state === 'running';
  const last = samples.at(-1);
  const harts = machine.config?.hartCount ?? 1;
  const cpu = samples.map((sample) => sample.cpuPercent);
  return {
    id: machine.id,
    isSelected,
    isMarked,
    // What happened out of sight stands before the name, or behind that of a marked machine.
    name:
      fitCells(
        `${isSelected ? '▸' : ' '}${isMarked ? '✓' : badge}${visibleText(machine.name)}`,
        columns.name - asks.length - (isMarked ? 1 : 0),
      ) + (isMarked ? badge : ''),
    asks,
    state: fitCells(`${look.glyph} ${look.short}`, STATE_WIDTH),
    stateToken: look.token,
    spark: isLive ? sparkline(cpu, columns.spark, 100 * harts, sparkStyle) : ' '.repeat(columns.spark),
    numbers:
      fitCells(isLive && last ? formatPercent(last.cpuPercent) : '', columns.cpu, 'right') +
      fitCells(memorySummary(machine, last), columns.memory, 'right'),
  };
}
