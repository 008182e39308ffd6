import type {Command} from 'commander';
import {type Machine, machineShow, machineStart} from '../../../manager/protocol/machine.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand, JsonOption} from '../command.js';
import {followJob} from '../progress.js';

type From = 'any' | 'saved' | 'boot';

async function startAll(cli: CliContext, names: readonly string[], from: From, isJson: boolean): Promise<void> {
  const client = await cli.connect();
  const machines: Machine[] = [];
  for (const machine of names) {
    const before = from === 'boot' ? (await client.request(machineShow, {machine})).machine.saved : undefined;
    const started = await client.request(machineStart, {machine, from});
    if (started.job) await followJob(cli, client, started.job);
    machines.push(started.job ? (await client.request(machineShow, {machine})).machine : started.machine);
    if (isJson) continue;
    cli.note(`${started.machine.name} is ${machines.at(-1)?.state}.`);
    if (before) cli.note(`What was saved of it at ${new Date(before.atMs).toISOString()} is gone.`);
  }
  if (isJson) cli.printJson(machines);
}

/** `viv start`: starts machines, building their image first when it is missing. */
export const start: CliCommand = {
  rank: 2,
  register(program: Command, cli: CliContext): void {
    program
      .command('start')
      .description('start machines; one that was saved goes on from there')
      .argument('<names...>', 'machines')
      .option('--discard-saved', 'boot, also when there is a saved state: what ran in the guest then is lost')
      .option('--json', 'print the machines as JSON')
      .action((names: readonly string[], options: JsonOption & {discardSaved?: boolean}) =>
        startAll(cli, names, options.discardSaved ? 'boot' : 'any', options.json ?? false),
      );
  },
};

/** `viv restore`: lets saved machines go on, and never boots one. */
export const restore: CliCommand = {
  rank: 7,
  register(program: Command, cli: CliContext): void {
    program
      .command('restore')
      .description('let saved machines go on from where they were')
      .argument('<names...>', 'machines')
      .option('--json', 'print the machines as JSON')
      .action((names: readonly string[], options: JsonOption) => startAll(cli, names, 'saved', options.json ?? false));
  },
};
