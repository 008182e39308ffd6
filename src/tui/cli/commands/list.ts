import type {Command} from 'commander';
import {machineList} from '../../../manager/protocol/machine.js';
import {bootSummary, stateLook} from '../../state/presenters/machine.js';
import {formatBytes, formatDuration} from '../../state/presenters/units.js';
import {isLive} from '../../state/selectors.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand, JsonOption} from '../command.js';
import {askAddresses, withAddresses} from '../guest-addresses.js';
import {formatTable} from '../output.js';

/** `viv ls`: the fleet. */
export const list: CliCommand = {
  rank: 9,
  register(program: Command, cli: CliContext): void {
    program
      .command('ls')
      .description('list machines')
      .option('--json', 'print them as JSON')
      .action(async (options: JsonOption) => {
        const client = await cli.connect();
        const [{machines}, addresses] = await Promise.all([client.request(machineList, {}), askAddresses(client)]);
        if (options.json) {
          cli.printJson(machines.map((machine) => withAddresses(machine, addresses.get(machine.id))));
          return;
        }
        if (machines.length === 0) {
          cli.note('There is no machine yet. Make one: viv create debian-mini --start');
          return;
        }
        const rows = machines.map((machine) => [
          machine.name,
          stateLook(machine.state).word,
          machine.config ? formatBytes(machine.config.memoryBytes) : '',
          machine.config ? String(machine.config.hartCount) : '',
          bootSummary(machine),
          isLive(machine.state) && machine.startedAtMs !== undefined
            ? formatDuration(Date.now() - machine.startedAtMs)
            : (machine.reason ?? ''),
          addresses.get(machine.id)?.[0]?.address ?? '',
        ]);
        cli.print(formatTable(['NAME', 'STATE', 'MEMORY', 'CPUS', 'BOOTS', 'UP', 'ADDRESS'], rows));
      });
  },
};
