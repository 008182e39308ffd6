import {constants} from 'node:os';
import {Command, CommanderError} from 'commander';
import packageJson from '../../../package.json' with {type: 'json'};
import {CliContext, type CliManager, type CliStreams, REAL_MANAGER} from './cli-context.js';
import type {CliCommand} from './command.js';
import {reportError, STATUS_USAGE} from './report-error.js';
import {SPOKEN_OPTION} from './spoken-option.js';

/** Loads what a command line may need: scripts start `viv run` a lot, and it has a quarter of the program to load. */
async function loadCommands([name]: readonly string[]): Promise<readonly CliCommand[]> {
  if (name === 'run') return [(await import('./commands/run.js')).run];
  return Object.values(await import('./commands/registry.js')).sort((a, b) => a.rank - b.rank);
}

function buildProgram(cli: CliContext, commands: readonly CliCommand[]): Command {
  const program = new Command('viv')
    .description('A terminal home for virtual machines. Without arguments: the terminal UI.')
    .version(packageJson.version, '-V, --version', 'print the version')
    .option(SPOKEN_OPTION, 'the terminal UI as lines of text, for screen readers (also VIV_SCREEN_READER=1)')
    .helpOption('-h, --help', 'print help')
    .showSuggestionAfterError(true)
    .showHelpAfterError('Run viv --help, or viv COMMAND --help.')
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => cli.streams.stdout.write(text),
      writeErr: (text) => cli.streams.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'viv: ')),
    });
  for (const command of commands) command.register(program, cli);
  return program;
}

/** Runs one command line. Resolves with the exit status: 0, 1 for errors, 2 for wrong usage, `run` passes the guest's. */
export async function runCli(
  args: readonly string[],
  streams: CliStreams = process,
  manager: CliManager = REAL_MANAGER,
): Promise<number> {
  await using cli = new CliContext(streams, manager);
  const interrupt = (signal: NodeJS.Signals) => {
    // Nobody to tell, or told already: a second Ctrl-C does not wait for anything any more.
    if (!cli.requestInterrupt()) process.exit(128 + constants.signals[signal]);
  };
  // A reader that left (`viv ls | head`) is no error of ours.
  const ignoreClosedPipe = (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  };
  const events = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const event of events) process.on(event, interrupt);
  streams.stdout.on('error', ignoreClosedPipe);
  try {
    const program = buildProgram(cli, await loadCommands(args));
    if (args.every((arg) => arg === SPOKEN_OPTION)) {
      cli.note(
        'viv: The terminal UI needs a terminal on standard input and output.\n     Commands work without one:\n',
      );
      cli.note(program.helpInformation());
      return STATUS_USAGE;
    }
    await program.parseAsync([...args], {from: 'user'});
    return cli.status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : STATUS_USAGE;
    return await reportError(cli, error, args);
  } finally {
    for (const event of events) process.off(event, interrupt);
    streams.stdout.off('error', ignoreClosedPipe);
  }
}
