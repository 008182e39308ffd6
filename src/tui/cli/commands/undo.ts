import type {Command} from 'commander';
import {machineUnremove} from '../../../manager/protocol/machine.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand, JsonOption} from '../command.js';

/** `viv undo`: brings back the machine that was removed last. */
export const undo: CliCommand = {
  rank: 8,
  register(program: Command, cli: CliContext): void {
    program
      .command('undo')
      .description('bring back the machine moved to the trash last')
      .option('--json', 'print the machine as JSON')
      .action(async (options: JsonOption) => {
        const client = await cli.connect();
        const {machine} = await client.request(machineUnremove, {});
        if (options.json) cli.printJson(machine);
        else cli.note(`${machine.name} is back.`);
      });
  },
};
