import {type Command, Option} from 'commander';
import {daemonStatus, daemonStop} from '../../../manager/protocol/daemon.js';
import type {ParamsInput} from '../../../manager/protocol/define.js';
import {ManagerError} from '../../../manager/protocol/errors.js';
import {formatBytes, formatDuration} from '../../state/presenters/units.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand, JsonOption} from '../command.js';
import {formatFields} from '../output.js';

type Fate = ParamsInput<typeof daemonStop>['machines'];

/** `viv daemon`: the background process that keeps the machines. */
export const daemon: CliCommand = {
  rank: 14,
  register(program: Command, cli: CliContext): void {
    const group = program.command('daemon').description('the background process that keeps the machines');
    group
      .command('start')
      .description('start it (every command that needs it does)')
      .option('--json', 'print its status as JSON')
      .action((options: JsonOption) => printStatus(cli, options, true));
    group
      .command('status')
      .description('show how it is doing; exit status 1 when it is not running')
      .option('--json', 'print it as JSON')
      .action((options: JsonOption) => printStatus(cli, options, false));
    group
      .command('stop')
      .description('end it; running machines go on and the next one finds them')
      .addOption(
        new Option('--machines <what>', 'what becomes of running machines')
          .choices(['keep', 'shutdown', 'kill', 'save'])
          .default('keep'),
      )
      .option('--save', 'save the running machines first: short for --machines save')
      .option('--json', 'print what still runs as JSON')
      .action(async (options: JsonOption & {machines: Fate; save?: boolean}) => {
        const stopped = await stop(cli, options.save ? 'save' : options.machines);
        if (options.json) cli.printJson(stopped);
        else if (!stopped.wasRunning) cli.note('The daemon was not running.');
        else
          cli.note(
            stopped.stillRunning === 0
              ? 'The daemon has ended.'
              : `The daemon has ended; ${stopped.stillRunning} machines run on.`,
          );
      });
  },
};

async function stop(cli: CliContext, machines: Fate): Promise<{wasRunning: boolean; stillRunning: number}> {
  const client = await cli.connect({startsDaemon: false}).catch((error: unknown) => {
    if (error instanceof ManagerError && error.code === 'daemon-unreachable') return undefined;
    throw error;
  });
  if (client === undefined) return {wasRunning: false, stillRunning: 0};
  const {stillRunning} = await client.request(daemonStop, {machines});
  await client.untilDaemonGone();
  return {wasRunning: true, stillRunning};
}

async function printStatus(cli: CliContext, options: JsonOption, startsDaemon: boolean): Promise<void> {
  const client = await cli.connect({startsDaemon});
  const status = await client.request(daemonStatus, {});
  if (options.json) {
    cli.printJson(status);
    return;
  }
  cli.print(
    formatFields([
      ['pid', String(status.pid)],
      ['version', status.version],
      ['up', formatDuration(Date.now() - status.startedAtMs)],
      ['machines', `${status.runningCount} running of ${status.machineCount}`],
      ['clients', String(status.clientCount)],
      ['memory', formatBytes(status.residentBytes)],
      ['socket', status.socketPath],
      ['ssh', status.ssh.port === undefined ? status.ssh.reason : `ssh -p ${status.ssh.port} NAME@localhost`],
      ['home', status.homeFolder],
      ['log', status.logPath],
    ]),
  );
}
