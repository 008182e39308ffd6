import type {Command} from 'commander';
import {machineFork, machineShow} from '../../../manager/protocol/machine.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand, JsonOption} from '../command.js';
import {followJob} from '../progress.js';

const SHARED = `
The fork goes on from the same instant: memory, processes, console, and read-only disks are the same. Until the guest is
told otherwise it also has the same host name, ids, keys and sessions, and the random numbers that programs drew before; the
kernel's own are reseeded.`;

/** `viv fork`: a second running machine from a running one, or from a state of it. */
export const fork: CliCommand = {
  rank: 7,
  register(program: Command, cli: CliContext): void {
    program
      .command('fork')
      .description('make a second running machine of a running one, which goes on, or of a snapshot')
      .argument('<name>', 'machine')
      .argument('[new]', 'name of the new machine (default: an invented one)')
      .option('--from <point>', 'go on from this snapshot or checkpoint (viv timeline NAME lists them)')
      .option('--json', 'print the new machine as JSON')
      .addHelpText('after', SHARED)
      .action(async (ref: string, name: string | undefined, options: JsonOption & {from?: string}) => {
        const client = await cli.connect();
        const {from: snapshot} = options;
        const forked = await client.request(machineFork, {
          machine: ref,
          ...(name === undefined ? {} : {name}),
          ...(snapshot === undefined ? {} : {snapshot}),
        });
        if (forked.job) await followJob(cli, client, forked.job);
        const {machine} = forked.job ? await client.request(machineShow, {machine: forked.machine.id}) : forked;
        if (options.json) cli.printJson(machine);
        else
          cli.note(
            `${machine.name} is ${machine.state}, forked from ${snapshot === undefined ? '' : `${snapshot} of `}${ref}.`,
          );
      });
  },
};
