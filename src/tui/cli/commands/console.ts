import type {Command} from 'commander';
import {ManagerError} from '../../../manager/protocol/errors.js';
import {subscribe} from '../../../manager/protocol/events.js';
import {type Machine, machineChanged, machineShow} from '../../../manager/protocol/machine.js';
import type {ConsoleHandle} from '../../app/backend.js';
import {stateLook} from '../../state/presenters/machine.js';
import {isLive} from '../../state/selectors.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand} from '../command.js';
import {RawConsole} from '../raw-console.js';

// Enough to fill a screen with what came before, not the whole log.
const REPLAY_BYTES = 16_384;

/** `viv console`: the console of a running machine on this terminal. */
export const consoleCommand: CliCommand = {
  rank: 11,
  register(program: Command, cli: CliContext): void {
    program
      .command('console')
      .description('type into a machine (Ctrl-] or Enter ~ . leaves)')
      .argument('<name>', 'machine')
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
  },
};

// Resolves with the sentence to say after the console was left.
async function attach(cli: CliContext, machine: Machine): Promise<string> {
  const {client, openConsole} = await cli.openBackend();
  const {stdout} = cli.streams;
  const left = Promise.withResolvers<string>();
  const keepsRunning = `Left the console; ${machine.name} keeps running.`;
  await using stack = new AsyncDisposableStack();
  const size = () => ({columns: stdout.columns ?? 80, rows: stdout.rows ?? 24});
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
