import type {Command} from 'commander';
import {
  type Disk,
  defaultNetwork,
  type Machine,
  type MachineConfig,
  machineShow,
  type SavedState,
  type Share,
} from '../../../manager/protocol/machine.js';
import {type GuestMemoryFigures, type MachineSample, metricsHistory} from '../../../manager/protocol/metrics.js';
import type {FleetClient} from '../../app/backend.js';
import {bootSummary, stateLook} from '../../state/presenters/machine.js';
import {formatBytes, formatDuration, formatMips, formatPercent} from '../../state/presenters/units.js';
import {isLive} from '../../state/selectors.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand, JsonOption} from '../command.js';
import {askAddresses, withAddresses} from '../guest-addresses.js';
import {formatFields} from '../output.js';

/** `viv show`: everything about one machine. */
export const show: CliCommand = {
  rank: 10,
  register(program: Command, cli: CliContext): void {
    program
      .command('show')
      .description('show everything about a machine')
      .argument('<name>', 'machine')
      .option('--json', 'print it as JSON')
      .action(async (ref: string, options: JsonOption) => {
        const client = await cli.connect();
        const {machine} = await client.request(machineShow, {machine: ref});
        const isUp = isLive(machine.state) && machine.startedAtMs !== undefined;
        const addresses = isUp ? (await askAddresses(client, machine.id)).get(machine.id) : undefined;
        const sample = isUp ? await newestSample(client, machine) : undefined;
        if (options.json) {
          cli.printJson({...withAddresses(machine, addresses), ...(sample === undefined ? {} : {sample})});
          return;
        }
        const disks = machine.config?.disks.map(nameDisk);
        cli.print(
          formatFields([
            ['name', machine.name],
            ['id', machine.id],
            ['state', stateLook(machine.state).word],
            ['reason', machine.reason],
            ['saved', machine.saved && savedSummary(machine.saved)],
            ['up', isUp ? formatDuration(Date.now() - (machine.startedAtMs ?? 0)) : undefined],
            ['driver', machine.driver],
            ['memory', machine.config && formatBytes(machine.config.memoryBytes)],
            ['in use', sample?.guestMemory && guestMemorySummary(sample.guestMemory)],
            ['cpus', machine.config && String(machine.config.hartCount)],
            ['tier', machine.config && tierSummary(machine.config)],
            ['load', sample && formatPercent(sample.cpuPercent)],
            ['speed', sample && formatMips(sample.instructionsPerSecond)],
            ['compiled', sample?.code && codeSummary(sample)],
            ['compiler', sample?.code?.compilerFault && faultSummary(sample.code.compilerFault)],
            ['boots', bootSummary(machine)],
            ['disks', disks?.join(', ')],
            ['network', machine.config && networkSummary(machine.config.network)],
            ['shares', machine.config?.shares?.map(nameShare).join(', ') || undefined],
            ['addresses', addresses?.map(({interface: name, address}) => `${address} (${name})`).join(', ')],
            ['console', machine.ptyPath],
            ['pid', machine.pid === undefined ? undefined : String(machine.pid)],
            ['folder', machine.folder],
            ['created', machine.createdAtMs > 0 ? new Date(machine.createdAtMs).toISOString() : undefined],
          ]),
        );
      });
  },
};

/** When a machine was saved, and what that takes. */
function savedSummary({atMs, fileBytes, touchedBytes}: SavedState): string {
  const when = new Date(atMs).toISOString();
  return `${when}, ${formatBytes(touchedBytes)} of memory in ${formatBytes(fileBytes)}; viv start goes on from it`;
}

/** The kind, as `--network` takes it; `viv net ls` shows more. */
function networkSummary({kind, egress, allowsHostLoopback, forwards, rules = []} = defaultNetwork): string {
  const words = [kind, egress === 'allow' ? '' : `,${egress}`, allowsHostLoopback ? ',host' : ''].join('');
  const forwarded = forwards.length === 0 ? '' : `, ${forwards.length} port forwards (viv net ls)`;
  return `${words}${forwarded}${rules.length === 0 ? '' : `, ${rules.length} rules (viv net rules)`}`;
}

/** What the guest says of its memory. */
function guestMemorySummary({totalBytes, availableBytes, cacheBytes}: GuestMemoryFigures): string | undefined {
  if (totalBytes === undefined || availableBytes === undefined) return undefined;
  const caches = cacheBytes === undefined ? '' : `, ${formatBytes(cacheBytes)} in caches`;
  return `${formatBytes(totalBytes - availableBytes)} of ${formatBytes(totalBytes)} by the guest's programs${caches}`;
}

/** How guest code runs, where the machine says it itself. */
function tierSummary({tier, hotThreshold}: MachineConfig): string | undefined {
  const parts = [tier, hotThreshold === undefined ? undefined : `hot after ${hotThreshold} arrivals`];
  return parts.filter((part) => part !== undefined).join(', ') || undefined;
}

async function newestSample(client: FleetClient, {id, startedAtMs = 0}: Machine): Promise<MachineSample | undefined> {
  const {machine} = await client.request(metricsHistory, {machine: id, count: 1});
  // What an earlier run left says nothing about this one.
  return machine.find(({atMs}) => atMs >= startedAtMs);
}

const faultSummary = (reason: string) => `ended (${reason}); what is not compiled stays interpreted`;

/** What the compiler of hot guest code has done, in a line. */
/** A disk by what was attached: what snapshots have laid over it is part of it. */
function nameDisk({path, isReadOnly, attached}: Disk): string {
  if (isReadOnly) return `${path} (read-only)`;
  return attached === undefined ? path : `${attached.path} (with layers of snapshots)`;
}

/** A shared folder, and what the guest mounts. */
function nameShare({path, tag, isReadOnly}: Share): string {
  return `${path} as ${tag}${isReadOnly ? '' : ' (writable)'}`;
}

function codeSummary({code, regionPercent}: MachineSample): string {
  if (code === undefined) return '';
  const share = regionPercent === undefined ? '' : `${formatPercent(regionPercent)} of the instructions, `;
  const seconds = (code.compileMs / 1000).toFixed(1);
  return `${share}${code.regions} regions, ${formatBytes(code.compiledBytes)}, in ${seconds}s`;
}
