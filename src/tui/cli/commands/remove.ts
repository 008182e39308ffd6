import type {Command} from 'commander';
import {machineRemove} from '../../../manager/protocol/machine.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand, JsonOption} from '../command.js';

/** `viv rm`: moves machines to the trash. */
export const remove: CliCommand = {
  rank: 8,
  register(program: Command, cli: CliContext): void {
    program
      .command('rm')
      .description('move stopped machines to the trash (viv undo brings the last one back)')
      .argument('<names...>', 'machines')
      .option('--json', 'print what was removed as JSON')
      .action(async (names: readonly string[], options: JsonOption) => {
        const client = await cli.connect();
        const removed: {id: string; name: string}[] = [];
        for (const machine of names) {
          const gone = await client.request(machineRemove, {machine});
          removed.push(gone);
          if (!options.json) cli.note(`${gone.name} is in the trash; viv undo brings it back.`);
        }
        if (options.json) cli.printJson(removed);
      });
  },
};
