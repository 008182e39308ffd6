import type {Command} from 'commander';
import {
  type Machine,
  machineKill,
  machinePause,
  machineResume,
  machineSave,
  machineShutdown,
  machineStart,
} from '../../../manager/protocol/machine.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand, JsonOption} from '../command.js';
import {integerOption} from '../parse-values.js';

// The verbs that take names and answer with machines differ in their request and their words only.
function lifeCommand(
  rank: number,
  name: string,
  description: string,
  done: string,
  act: (cli: CliContext, machine: string) => Promise<Machine>,
): CliCommand {
  return {
    rank,
    register(program: Command, cli: CliContext): void {
      program
        .command(name)
        .description(description)
        .argument('<names...>', 'machines')
        .option('--json', 'print the machines as JSON')
        .action(async (names: readonly string[], options: JsonOption) => {
          const machines: Machine[] = [];
          for (const ref of names) {
            const machine = await act(cli, ref);
            machines.push(machine);
            if (!options.json) cli.note(`${machine.name} ${done}.`);
          }
          if (options.json) cli.printJson(machines);
        });
    },
  };
}

/** `viv pause`: stops guest time. */
export const pause = lifeCommand(3, 'pause', 'stop the time of machines', 'is paused', async (cli, machine) => {
  const client = await cli.connect();
  return (await client.request(machinePause, {machine})).machine;
});

/** `viv resume`: lets guest time go on. */
export const resume = lifeCommand(4, 'resume', 'let paused machines go on', 'runs again', async (cli, machine) => {
  const client = await cli.connect();
  return (await client.request(machineResume, {machine})).machine;
});

/** `viv kill`: pulls the plug. */
export const kill = lifeCommand(6, 'kill', 'force machines off', 'is off', async (cli, machine) => {
  const client = await cli.connect();
  return (await client.request(machineKill, {machine})).machine;
});

/** `viv save`: to a file, to go on from later. */
export const save = lifeCommand(
  7,
  'save',
  'write the state of running machines to files and end them; viv start goes on from there',
  'is saved',
  async (cli, machine) => (await (await cli.connect()).request(machineSave, {machine})).machine,
);

/** `viv reboot`: powers guests off and boots them again. */
export const reboot = lifeCommand(
  5,
  'reboot',
  'ask guests to power off, and boot them again',
  'boots again',
  async (cli, machine) => {
    const client = await cli.connect();
    const off = await client.request(machineShutdown, {machine});
    return (await client.request(machineStart, {machine: off.machine.id})).machine;
  },
);

/** `viv shutdown`: asks guests to power off and waits for it. */
export const shutdown: CliCommand = {
  rank: 5,
  register(program: Command, cli: CliContext): void {
    program
      .command('shutdown')
      .description('ask guests to power off, and wait until they have')
      .argument('<names...>', 'machines')
      .option('--timeout <seconds>', 'how long to wait for each', integerOption(0, 86_400))
      .option('--json', 'print the machines as JSON')
      .action(async (names: readonly string[], options: JsonOption & {timeout?: number}) => {
        const client = await cli.connect();
        const machines: Machine[] = [];
        for (const ref of names) {
          const wait = options.timeout === undefined ? {} : {timeoutMs: options.timeout * 1000};
          const {machine} = await client.request(machineShutdown, {machine: ref, ...wait});
          machines.push(machine);
          if (!options.json) cli.note(`${machine.name} is off.`);
        }
        if (options.json) cli.printJson(machines);
      });
  },
};
