import type {Command} from 'commander';
import {type Machine, machineShow, machineStart} from '../../../manager/protocol/machine.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand, JsonOption} from '../command.js';
import {followJob} from '../progress.js';

/** `viv start`: starts machines, building their image first when it is missing. */
export const start: CliCommand = {
  rank: 2,
  register(program: Command, cli: CliContext): void {
    program
      .command('start')
      .description('start machines')
      .argument('<names...>', 'machines')
      .option('--json', 'print the machines as JSON')
      .action(async (names: readonly string[], options: JsonOption) => {
        const client = await cli.connect();
        const machines: Machine[] = [];
        for (const machine of names) {
          const started = await client.request(machineStart, {machine});
          if (started.job) await followJob(cli, client, started.job);
          machines.push(started.job ? (await client.request(machineShow, {machine})).machine : started.machine);
          if (!options.json) cli.note(`${started.machine.name} is ${machines.at(-1)?.state}.`);
        }
        if (options.json) cli.printJson(machines);
      });
  },
};
