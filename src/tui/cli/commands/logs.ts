import type {Command} from 'commander';
import {GuestFilter} from '../../../manager/client.js';
import {consoleLog} from '../../../manager/protocol/console.js';
import {eventsSince} from '../../../manager/protocol/events.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand, JsonOption} from '../command.js';
import {formatTable} from '../output.js';
import {integerOption} from '../parse-values.js';

interface LogsOptions extends JsonOption {
  readonly events?: boolean;
  readonly bytes?: number;
}

/** `viv logs`: what a machine's console printed, or what happened to the fleet. */
export const logs: CliCommand = {
  rank: 12,
  register(program: Command, cli: CliContext): void {
    program
      .command('logs')
      .description("print a machine's console log; without a name, or with --events, what happened")
      .argument('[name]', 'machine')
      .option('--events', 'what happened to the machine instead of its console')
      .option('--bytes <count>', 'how much of the end of the console log', integerOption(1, 1_048_576))
      .option('--json', 'print it as JSON')
      .action(async (name: string | undefined, options: LogsOptions) => {
        if (name === undefined || options.events) await printEvents(cli, name, options);
        else await printConsole(cli, name, options);
      });
  },
};

async function printEvents(cli: CliContext, name: string | undefined, options: LogsOptions): Promise<void> {
  const client = await cli.connect();
  const {events} = await client.request(eventsSince, name === undefined ? {} : {machine: name});
  if (options.json) {
    cli.printJson(events);
    return;
  }
  if (events.length === 0) cli.note('Nothing has happened yet.');
  else
    cli.print(
      formatTable(
        ['TIME', 'MACHINE', 'WHAT'],
        events.map((event) => [new Date(event.atMs).toISOString(), event.machineName ?? '', event.message]),
      ),
    );
}

async function printConsole(cli: CliContext, name: string, options: LogsOptions): Promise<void> {
  const client = await cli.connect();
  const bytes = options.bytes === undefined ? {} : {maxBytes: options.bytes};
  const {data} = await client.request(consoleLog, {machine: name, ...bytes});
  const log = Buffer.from(data, 'base64');
  if (options.json) cli.printJson({machine: name, text: log.toString('utf8')});
  // A terminal must not obey what a guest printed; a file gets every byte.
  else cli.streams.stdout.write(cli.streams.stdout.isTTY ? new GuestFilter().feed(log) : log);
}
