import {type Command, InvalidArgumentError} from 'commander';
import {ManagerError} from '../../../manager/protocol/errors.js';
import {subscribe} from '../../../manager/protocol/events.js';
import {type Machine, machineChanged, machineShow} from '../../../manager/protocol/machine.js';
import type {ConsoleHandle} from '../../app/backend.js';
import {MAX_SPEED, MIN_SPEED} from '../../casts/play-clock.js';
import {stateLook} from '../../state/presenters/machine.js';
import {isLive} from '../../state/selectors.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand} from '../command.js';
import {
  type RecordOptions,
  type ReplayOptions,
  recordToFile,
  replayFile,
  type ScreenshotOptions,
  takeScreenshot,
} from '../console-file.js';
import {integerOption, sizeOption} from '../parse-values.js';
import {RawConsole} from '../raw-console.js';

// Enough to fill a screen with what came before, not the whole log.
const REPLAY_BYTES = 16_384;

/** `viv console`: the console of a running machine on this terminal. */
export const consoleCommand: CliCommand = {
  rank: 11,
  register(program: Command, cli: CliContext): void {
    const group = program
      .command('console')
      .description('type into a machine (Ctrl-] or Enter ~ . leaves); record, replay, screenshot')
      .usage('NAME | record NAME -o FILE | replay FILE | screenshot NAME')
      .argument('<name>', 'machine (by its id if it is called like one of the commands)')
      .action(async (ref: string) => {
        if (!cli.streams.stdin.isTTY || !cli.streams.stdout.isTTY)
          throw new ManagerError(
            'bad-request',
            'A console needs a terminal on standard input and output.',
            `To read what it printed: viv logs ${ref}`,
          );
        const client = await cli.connect();
        const {machine} = await client.request(machineShow, {machine: ref});
        if (!isLive(machine.state))
          throw new ManagerError(
            'wrong-state',
            `${machine.name} is ${stateLook(machine.state).word}.`,
            `Start it: viv start ${machine.name}`,
          );
        cli.note(`Console of ${machine.name}; Ctrl-] or Enter ~ . leaves it.`);
        cli.note(await attach(cli, machine));
      });
    addFileCommands(group, cli);
  },
};

function addFileCommands(group: Command, cli: CliContext): void {
  group
    .command('record')
    .description('record a console into a new file, as asciicast (asciinema plays it too)')
    .argument('<name>', 'machine')
    .requiredOption('-o, --output <file>', 'file; one that is there is an error')
    .option('--seconds <n>', 'ends after so long (Ctrl-C ends it as well)', integerOption(1, 86_400))
    .option('--max-bytes <size>', 'ends when the file is as large as this (default: 256M)', sizeOption)
    .action((ref: string, options: RecordOptions) => recordToFile(cli, ref, options));
  group
    .command('replay')
    .description('play a recording here: space pauses, + and - change the speed, q leaves')
    .argument('<file>', 'recording (asciicast version 2)')
    .option('--speed <n>', `times as fast, from ${MIN_SPEED} to ${MAX_SPEED}`, speedOption, 1)
    .option('--idle-limit <seconds>', 'longest pause (default: as the file says)', integerOption(1, 86_400))
    .action((path: string, options: ReplayOptions) => replayFile(cli, path, options));
  group
    .command('screenshot')
    .description('what a console shows, as text, or as a picture if the file ends in .png')
    .argument('<name>', 'machine')
    .option('-o, --output <file>', 'file (default: text on standard output)')
    .option('--json', 'print for programs')
    .action((ref: string, options: ScreenshotOptions) => takeScreenshot(cli, ref, options));
}

function speedOption(text: string): number {
  const speed = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && speed >= MIN_SPEED && speed <= MAX_SPEED) return speed;
  throw new InvalidArgumentError(`Give a number from ${MIN_SPEED} to ${MAX_SPEED}, like 2 or 0.5.`);
}

// Resolves with the sentence to say after the console was left.
async function attach(cli: CliContext, machine: Machine): Promise<string> {
  const {client, openConsole} = await cli.openBackend();
  const {stdout} = cli.streams;
  const left = Promise.withResolvers<string>();
  const keepsRunning = `Left the console; ${machine.name} keeps running.`;
  await using stack = new AsyncDisposableStack();
  const size = () => ({columns: stdout.columns || 80, rows: stdout.rows || 24});
  let outgoing: Promise<void> = Promise.resolve();
  let session: ConsoleHandle | undefined;
  const terminal = stack.use(
    new RawConsole(cli.streams, {
      send: (bytes) => {
        outgoing = outgoing.then(() => session?.write(bytes)).catch((error: unknown) => left.reject(error));
      },
      detached: () => left.resolve(keepsRunning),
    }),
  );
  session = stack.use(
    await openConsole({
      machine: machine.id,
      wantsKeyboard: true,
      size: size(),
      maxReplayBytes: REPLAY_BYTES,
      onOutput: (bytes) => terminal.show(bytes),
      onClosed: () => left.resolve('The console was closed.'),
    }),
  );
  const resize = () => void session?.resize(size()).catch((error: unknown) => left.reject(error));
  stdout.on('resize', resize);
  stack.defer(() => void stdout.off('resize', resize));
  stack.use(
    client.on(machineChanged, (news) => {
      if (news.machine.id === machine.id && !isLive(news.machine.state))
        left.resolve(
          `${news.machine.name} is ${stateLook(news.machine.state).word}. ${news.machine.reason ?? ''}`.trim(),
        );
    }),
  );
  await client.request(subscribe, {topics: ['fleet']});
  const interrupted = () => left.resolve(keepsRunning);
  cli.interrupted.addEventListener('abort', interrupted, {once: true});
  return await left.promise;
}
