/** `viv top` without a guest: a table of the fleet, or the same as JSON. */
import {machineList} from '../../manager/protocol/machine.js';
import {type MachineSample, metricsHistory} from '../../manager/protocol/metrics.js';
import type {FleetOrder} from '../state/graphs.js';
import {FLEET_COLUMNS, fleetCells, fleetEntries, sumCells, sumOfLoads} from '../state/presenters/fleet-table.js';
import {formatBytes, formatPercent} from '../state/presenters/units.js';
import {isLive} from '../state/selectors.js';
import type {CliContext} from './cli-context.js';
import {formatTable} from './output.js';

/** Prints what each machine takes of the host at the moment. */
export async function printFleet(
  cli: CliContext,
  {sort, json}: {readonly sort: FleetOrder; readonly json?: boolean},
): Promise<void> {
  const client = await cli.connect();
  const {machines} = await client.request(machineList, {});
  const samples = new Map<string, MachineSample>();
  const {host} = await client.request(metricsHistory, {count: 1});
  await Promise.all(
    machines.map(async ({id, state, startedAtMs = 0}) => {
      if (!isLive(state)) return;
      const {machine} = await client.request(metricsHistory, {machine: id, count: 1});
      // What an earlier run left says nothing about this one.
      const sample = machine.find(({atMs}) => atMs >= startedAtMs);
      if (sample !== undefined) samples.set(id, sample);
    }),
  );
  const entries = fleetEntries(machines, (id) => samples.get(id), sort);
  if (json) {
    const rows = entries.map(({machine: {id, name, state}}) => ({id, name, state, sample: samples.get(id)}));
    cli.printJson({host: host[0], machines: rows, sum: sumOfLoads(entries)});
    return;
  }
  if (entries.length === 0) {
    cli.note('There is no machine yet. Make one: viv create debian-mini --start');
    return;
  }
  const [now] = host;
  if (now !== undefined)
    cli.print(
      `host: CPU ${formatPercent(now.cpuPercent)} of ${now.coreCount}, memory ${formatBytes(now.memoryUsedBytes)} of ${formatBytes(now.memoryTotalBytes)}`,
    );
  const heading = FLEET_COLUMNS.map(({title}) => title);
  cli.print(formatTable(heading, [...entries.map(fleetCells), sumCells(entries)]));
}
