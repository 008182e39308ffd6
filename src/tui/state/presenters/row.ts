import type {Machine} from '../../../manager/protocol/machine.js';
import type {MachineSample} from '../../../manager/protocol/metrics.js';
import {type SparkStyle, sparkline} from '../../graphs/sparkline.js';
import {fitCells} from '../../terminal/char-width.js';
import {visibleText} from '../../terminal/visible-text.js';
import type {ThemeToken} from '../../theme.js';
import type {ListView, SortColumn} from '../list.js';
import {memorySummary, stateLook} from './machine.js';
import {formatPercent} from './units.js';

const STATE_WIDTH = 8;
const SPARK_WIDTH = 4;
const CPU_WIDTH = 5;
const MEMORY_WIDTH = 5;

/** A list row in pieces, so that each can have its colour. Together they are exactly `width` cells. */
export interface MachineRow {
  readonly id: string;
  readonly isSelected: boolean;
  readonly isMarked: boolean;
  readonly name: string;
  readonly state: string;
  readonly stateToken: ThemeToken;
  readonly spark: string;
  readonly numbers: string;
}

function nameWidth(width: number): number {
  return Math.max(4, width - STATE_WIDTH - SPARK_WIDTH - CPU_WIDTH - MEMORY_WIDTH);
}

/** The heading over the rows, `width` cells. The column that the list is sorted by has an arrow. */
export function listHeading(width: number, {sort, isReversed}: Pick<ListView, 'sort' | 'isReversed'>): string {
  const arrow = (column: SortColumn) => (column === sort ? (isReversed ? '↑' : '↓') : '');
  const numbers =
    fitCells(`CPU${arrow('cpu')}`, SPARK_WIDTH + CPU_WIDTH, 'right') +
    fitCells(`MEM${arrow('memory')}`, MEMORY_WIDTH, 'right');
  const name = sort === 'age' ? `  NAME by age${arrow('age')}` : `  NAME${arrow('name')}`;
  return fitCells(fitCells(name, nameWidth(width)) + fitCells(`STATE${arrow('state')}`, STATE_WIDTH) + numbers, width);
}

/** One machine as a row of `width` cells. */
export function machineRow(
  machine: Machine,
  samples: readonly MachineSample[],
  {isSelected, isMarked}: {readonly isSelected: boolean; readonly isMarked: boolean},
  width: number,
  sparkStyle: SparkStyle,
): MachineRow {
  const look = stateLook(machine.state);
  const isLive = machine.state === 'running';
  const last = samples.at(-1);
  const harts = machine.config?.hartCount ?? 1;
  const cpu = samples.map((sample) => sample.cpuPercent);
  return {
    id: machine.id,
    isSelected,
    isMarked,
    name: fitCells(
      fitCells(`${isSelected ? '▸' : ' '}${isMarked ? '✓' : ' '}${visibleText(machine.name)}`, nameWidth(width) - 1),
      nameWidth(width),
    ),
    state: fitCells(`${look.glyph} ${look.short}`, STATE_WIDTH),
    stateToken: look.token,
    spark: isLive ? sparkline(cpu, SPARK_WIDTH, 100 * harts, sparkStyle) : ' '.repeat(SPARK_WIDTH),
    numbers:
      fitCells(isLive && last ? formatPercent(last.cpuPercent) : '', CPU_WIDTH, 'right') +
      fitCells(memorySummary(machine, last), MEMORY_WIDTH, 'right'),
  };
}
