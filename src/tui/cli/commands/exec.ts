import type {Command} from 'commander';
import {agentExec} from '../../../manager/protocol/agent.js';
import {AgentClientSession, ReaderLeft, writeAll} from '../agent-session.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand} from '../command.js';
import {integerOption} from '../parse-values.js';

/** As shells have it for a program that SIGPIPE ended. */
const STATUS_PIPE_CLOSED = 141;

interface ExecOptions {
  readonly stdin?: boolean;
  readonly wait?: number;
}

/** `viv exec`: a command in a running guest, through its agent. */
export const exec: CliCommand = {
  rank: 12,
  register(program: Command, cli: CliContext): void {
    program
      .command('exec')
      .description('run a command in a running guest, and pass on its output and status')
      .usage('[options] NAME -- COMMAND...')
      .argument('<name>', 'machine')
      .argument('<command...>', 'program and its arguments; a shell is sh -c "…"')
      .option('-i, --stdin', 'pass on standard input as well')
      .option('--wait <seconds>', 'wait so long for the agent of a guest that boots', integerOption(0, 3600))
      .passThroughOptions()
      .action(async (ref: string, command: readonly string[], options: ExecOptions) => {
        // A mark between options and the command is no part of it.
        const words = command[0] === '--' ? command.slice(1) : command;
        cli.status = await execute(cli, ref, words, options);
      });
  },
};

async function execute(
  cli: CliContext,
  machine: string,
  command: readonly string[],
  {stdin: hasInput = false, wait = 0}: ExecOptions,
): Promise<number> {
  const client = await cli.connect();
  const {stdin, stdout, stderr} = cli.streams;
  using session = new AgentClientSession(client, (stream, bytes) =>
    writeAll(stream === 'stdout' ? stdout : stderr, bytes),
  );
  const params = {machine, sessionId: session.id, command: [...command], hasInput, waitMs: wait * 1000};
  const answer = client.request(agentExec, params, cli.interrupted);
  // A command that ends first is not sorry for what it did not read.
  const fed = hasInput ? session.feed(stdin).then(() => answer) : answer;
  try {
    return (await Promise.race([answer, fed, session.failed])).status;
  } catch (thrown) {
    // The command ends with the connection, as by a signal of its own.
    if (thrown instanceof ReaderLeft) return STATUS_PIPE_CLOSED;
    throw thrown;
  } finally {
    // Or the process would wait for the end of what nobody reads.
    if (hasInput) stdin.destroy();
  }
}
