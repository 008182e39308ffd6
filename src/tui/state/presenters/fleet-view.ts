/** What the fleet view shows of the state, and which of its rows the keys act on. */
import {firstFleetRow, fleetRowCount} from '../../graphs/fleet-board.js';
import {text} from '../../text/text.js';
import {visibleMachines} from '../list.js';
import type {AppState} from '../model.js';
import {selectedMachine} from '../selectors.js';
import {type StateCount, stateCounts} from './fleet-states.js';
import {type FleetColumn, type FleetEntry, fleetCells, fleetColumns, fleetEntries, sumCells} from './fleet-table.js';
import {formatBytes, formatPercent} from './units.js';

/** Where the fleet view lies: all but the header and the hints. */
export function fleetRect({size}: AppState): {x: number; y: number; width: number; height: number} {
  return {x: 0, y: 1, width: size.columns, height: Math.max(3, size.rows - 2)};
}

/** A part of the host in use. */
export interface HostShare {
  readonly label: string;
  readonly text: string;
  readonly share: number;
}

/** See the module. `first` is the index of the first row in sight. */
export interface FleetViewContent {
  readonly host: readonly HostShare[];
  readonly states: readonly StateCount[];
  readonly columns: readonly FleetColumn[];
  readonly entries: readonly FleetEntry[];
  readonly cells: readonly (readonly string[])[];
  readonly sums: readonly string[];
  readonly selected: number;
}

/** Machines that the filter lets through as rows, in the order that was chosen. */
export function orderedEntries(state: AppState): readonly FleetEntry[] {
  return fleetEntries(visibleMachines(state), (id) => state.samples.get(id)?.at(-1), state.graphs.fleetOrder);
}

/** The id of the machine that is `by` rows away from the highlighted one. */
export function fleetNeighbour(state: AppState, by: number): string | undefined {
  const entries = orderedEntries(state);
  const at = entries.findIndex(({machine}) => machine.id === selectedMachine(state)?.id);
  return entries[Math.min(entries.length - 1, Math.max(0, at + by))]?.machine.id;
}

/** The id of the machine in a row of the screen, if there is one. */
export function fleetMachineAt(state: AppState, y: number): string | undefined {
  return fleetView(state).entries[y - firstFleetRow(fleetRect(state))]?.machine.id;
}

/** Everything that is in sight. */
export function fleetView(state: AppState): FleetViewContent {
  const rect = fleetRect(state);
  const all = orderedEntries(state);
  const count = fleetRowCount(rect);
  const at = all.findIndex(({machine}) => machine.id === selectedMachine(state)?.id);
  const first = Math.max(0, Math.min(at - Math.floor(count / 2), all.length - count));
  const entries = all.slice(first, first + count);
  const position = all.length > count ? text.fleet.view.shown(first + 1, first + entries.length, all.length) : '';
  return {
    host: hostShares(state),
    states: stateCounts(state.machines),
    columns: fleetColumns(rect.width - 2),
    entries,
    cells: entries.map(fleetCells),
    // Where not all are in sight, which are.
    sums: position === '' ? sumCells(all) : [position, ...sumCells(all).slice(1)],
    selected: at - first,
  };
}

function hostShares({host}: AppState): readonly HostShare[] {
  if (!host) return [];
  const {view} = text.fleet;
  const {cpuPercent, coreCount, memoryUsedBytes, memoryTotalBytes} = host;
  return [
    {
      label: view.cpu,
      text: view.processors(formatPercent(cpuPercent), coreCount),
      share: cpuPercent / 100,
    },
    {
      label: view.memory,
      text: text.words.of(formatBytes(memoryUsedBytes), formatBytes(memoryTotalBytes)),
      share: memoryTotalBytes > 0 ? memoryUsedBytes / memoryTotalBytes : 0,
    },
  ];
}
