/** The fleet as a table of numbers: who takes most of the host, and what all take together. */
import type {Machine} from '../../../manager/protocol/machine.js';
import type {MachineSample} from '../../../manager/protocol/metrics.js';
import {visibleText} from '../../terminal/visible-text.js';
import {text} from '../../text/text.js';
import type {FleetOrder} from '../graphs.js';
import {hasSamples, stateLook} from './machine.js';
import {formatBytes, formatCount, formatPercent} from './units.js';

/** What a machine takes at the moment. Units: percent of a hart, bytes, bytes and instructions a second */
export interface FleetLoad {
  readonly cpuPercent: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly netBytes: number;
  readonly interrupts: number;
  readonly instructions: number;
}

/** A machine with its load; without one while it does not run. */
export interface FleetEntry {
  readonly machine: Machine;
  readonly load: FleetLoad | undefined;
}

/** A column: its heading, how wide it is, and which one goes first when there is no room. */
export interface FleetColumn {
  readonly title: string;
  readonly width: number;
  readonly order?: FleetOrder;
}

const {columns} = text.fleet;

/** Columns in the order in which they are kept; the name gets what is left. */
export const FLEET_COLUMNS: readonly FleetColumn[] = [
  {title: columns.name, width: 16},
  {title: columns.state, width: 8},
  {title: columns.cpu, width: 6, order: 'cpu'},
  {title: columns.memory, width: 6, order: 'memory'},
  {title: columns.disk, width: 8, order: 'disk'},
  {title: columns.net, width: 8, order: 'net'},
  {title: columns.interrupts, width: 7},
  {title: columns.mips, width: 6},
];

const KEYS: Readonly<Record<FleetOrder, keyof FleetLoad>> = {
  cpu: 'cpuPercent',
  memory: 'memoryBytes',
  disk: 'diskBytes',
  net: 'netBytes',
};
const NOTHING: FleetLoad = {cpuPercent: 0, memoryBytes: 0, diskBytes: 0, netBytes: 0, interrupts: 0, instructions: 0};

/** Machines with what they take, the highest by `order` first; those that do not run come last. */
export function fleetEntries(
  machines: readonly Machine[],
  newest: (machineId: string) => MachineSample | undefined,
  order: FleetOrder,
): readonly FleetEntry[] {
  const entries = machines.map((machine): FleetEntry => {
    const sample = hasSamples(machine.state) ? newest(machine.id) : undefined;
    return {machine, load: sample && loadOf(sample)};
  });
  const key = KEYS[order];
  // Sorting is stable: equals stay in the order of the list.
  return entries.sort((a, b) => (b.load?.[key] ?? -1) - (a.load?.[key] ?? -1));
}

/** What all take together. */
export function sumOfLoads(entries: readonly FleetEntry[]): FleetLoad {
  const sum = {...NOTHING};
  for (const {load} of entries) {
    if (load === undefined) continue;
    for (const key of Object.keys(sum) as (keyof FleetLoad)[]) sum[key] += load[key];
  }
  return sum;
}

/** A machine as the cells of {@link FLEET_COLUMNS}. */
export function fleetCells({machine, load}: FleetEntry): readonly string[] {
  const {glyph, short} = stateLook(machine.state);
  return [visibleText(machine.name), `${glyph} ${short}`, ...(load ? loadCells(load) : [])];
}

/** The sum as the cells of {@link FLEET_COLUMNS}. */
export function sumCells(entries: readonly FleetEntry[]): readonly string[] {
  const running = entries.filter(({load}) => load !== undefined).length;
  return [text.fleet.view.all(entries.length), text.fleet.view.up(running), ...loadCells(sumOfLoads(entries))];
}

/** Columns for a width: those there is room for, the name as wide as what is left. Units: cells, one between columns */
export function fleetColumns(width: number): readonly FleetColumn[] {
  const kept: FleetColumn[] = [];
  let used = 0;
  for (const column of FLEET_COLUMNS) {
    if (used + column.width + 1 > width && kept.length > 0) break;
    kept.push(column);
    used += column.width + 1;
  }
  return kept.map((column, index) =>
    index === 0 ? {...column, width: column.width + Math.min(20, Math.max(0, width - used))} : column,
  );
}

function loadOf(sample: MachineSample): FleetLoad {
  const {rates} = sample;
  return {
    cpuPercent: sample.cpuPercent,
    memoryBytes: sample.memoryTouchedBytes,
    diskBytes: rates ? rates.diskReadBytes + rates.diskWrittenBytes : 0,
    netBytes: rates ? rates.netReceivedBytes + rates.netSentBytes : 0,
    interrupts: rates?.interrupts ?? 0,
    instructions: sample.instructionsPerSecond,
  };
}

function loadCells(load: FleetLoad): readonly string[] {
  return [
    formatPercent(load.cpuPercent),
    formatBytes(load.memoryBytes),
    formatBytes(load.diskBytes),
    formatBytes(load.netBytes),
    formatCount(load.interrupts),
    String(Math.round(load.instructions / 1e6)),
  ];
}
