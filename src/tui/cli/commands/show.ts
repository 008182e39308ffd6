import type {Command} from 'commander';
import {machineShow} from '../../../manager/protocol/machine.js';
import {bootSummary, stateLook} from '../../state/presenters/machine.js';
import {formatBytes, formatDuration} from '../../state/presenters/units.js';
import {isLive} from '../../state/selectors.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand, JsonOption} from '../command.js';
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
        if (options.json) {
          cli.printJson(machine);
          return;
        }
        const isUp = isLive(machine.state) && machine.startedAtMs !== undefined;
        const disks = machine.config?.disks.map((disk) => disk.path + (disk.isReadOnly ? ' (read-only)' : ''));
        cli.print(
          formatFields([
            ['name', machine.name],
            ['id', machine.id],
            ['state', stateLook(machine.state).word],
            ['reason', machine.reason],
            ['up', isUp ? formatDuration(Date.now() - (machine.startedAtMs ?? 0)) : undefined],
            ['driver', machine.driver],
            ['memory', machine.config && formatBytes(machine.config.memoryBytes)],
            ['cpus', machine.config && String(machine.config.hartCount)],
            ['boots', bootSummary(machine)],
            ['disks', disks?.join(', ')],
            ['console', machine.ptyPath],
            ['pid', machine.pid === undefined ? undefined : String(machine.pid)],
            ['folder', machine.folder],
            ['created', machine.createdAtMs > 0 ? new Date(machine.createdAtMs).toISOString() : undefined],
          ]),
        );
      });
  },
};
