import type {Command} from 'commander';
import {machineClone} from '../../../manager/protocol/machine.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand, JsonOption} from '../command.js';

/** `viv clone`: a second machine with the disks of one that is off. */
export const clone: CliCommand = {
  rank: 7,
  register(program: Command, cli: CliContext): void {
    program
      .command('clone')
      .description('make a second machine with the disks, and the saved state if any, of one that is off')
      .argument('<name>', 'machine')
      .argument('[new]', 'name of the new machine (default: an invented one)')
      .option('--json', 'print the new machine as JSON')
      .addHelpText(
        'after',
        '\nIt takes no room until one of the two writes. A running machine is forked: viv fork NAME',
      )
      .action(async (ref: string, name: string | undefined, options: JsonOption) => {
        const client = await cli.connect();
        const {machine} = await client.request(machineClone, {machine: ref, ...(name === undefined ? {} : {name})});
        if (options.json) cli.printJson(machine);
        else cli.note(`${machine.name} was cloned from ${ref}. Start it: viv start ${machine.name}`);
      });
  },
};
