import type {Command} from 'commander';
import {machineRename} from '../../../manager/protocol/machine.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand, JsonOption} from '../command.js';

/** `viv rename`: gives a machine another name. */
export const rename: CliCommand = {
  rank: 7,
  register(program: Command, cli: CliContext): void {
    program
      .command('rename')
      .description('give a machine another name')
      .argument('<name>', 'machine')
      .argument('<new-name>', 'its new name')
      .option('--json', 'print the machine as JSON')
      .action(async (ref: string, name: string, options: JsonOption) => {
        const client = await cli.connect();
        const {machine} = await client.request(machineRename, {machine: ref, name});
        if (options.json) cli.printJson(machine);
        else cli.note(`${ref} is now called ${machine.name}.`);
      });
  },
};
