import type {Machine} from '../../../manager/protocol/machine.js';
import type {MachineSample} from '../../../manager/protocol/metrics.js';
import {type SparkStyle, sparkline} from '../../graphs/sparkline.js';
import {stripControls} from '../../terminal/cells.js';
import {fitCells} from '../../terminal/char-width.js';
import type {ThemeToken} from '../../theme.js';
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
  readonly name: string;
  readonly state: string;
  readonly stateToken: ThemeToken;
  readonly spark: string;
  readonly numbers: string;
}

function nameWidth(width: number): number {
  return Math.max(4, width - STATE_WIDTH - SPARK_WIDTH - CPU_WIDTH - MEMORY_WIDTH);
}

/** The heading over the rows, `width` cells. */
export function listHeading(width: number): string {
  const numbers = fitCells('CPU', SPARK_WIDTH + CPU_WIDTH, 'right') + fitCells('MEM', MEMORY_WIDTH, 'right');
  return fitCells(fitCells('  NAME', nameWidth(width)) + fitCells('STATE', STATE_WIDTH) + numbers, width);
}

/** One machine as a row of `width` cells; `badge`, one of them, stands before the name. */
export function machineRow(
  machine: Machine,
  samples: readonly MachineSample[],
  isSelected: boolean,
  width: number,
  sparkStyle: SparkStyle,
  badge = ' ',
): MachineRow {
  const look = stateLook(machine.state);
  const isLive = machine.state === 'running';
  const last = samples.at(-1);
  const harts = machine.config?.hartCount ?? 1;
  const cpu = samples.map((sample) => sample.cpuPercent);
  return {
    id: machine.id,
    isSelected,
    name: fitCells(
      fitCells(`${isSelected ? '▸' : ' '}${badge}${stripControls(machine.name)}`, nameWidth(width) - 1),
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
