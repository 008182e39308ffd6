import type {Command} from 'commander';
import {machineShow} from '../../../manager/protocol/machine.js';
import {undoLast} from '../../../manager/protocol/undo.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand, JsonOption} from '../command.js';
import {followJob} from '../progress.js';

/** `viv undo`: takes back what was done last. */
export const undo: CliCommand = {
  rank: 8,
  register(program: Command, cli: CliContext): void {
    program
      .command('undo')
      .description('take back the last rm, kill, restore, rewind, rename or change of disks')
      .option('--json', 'print the machine as JSON')
      .action(async (options: JsonOption) => {
        const client = await cli.connect();
        const undone = await client.request(undoLast, {});
        if (undone.job) await followJob(cli, client, undone.job);
        if (options.json) cli.printJson((await client.request(machineShow, {machine: undone.machine.id})).machine);
        else cli.note(undone.message);
      });
  },
};
