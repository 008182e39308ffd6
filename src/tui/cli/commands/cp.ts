import {randomBytes} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {open, rename, rm, stat} from 'node:fs/promises';
import {basename, dirname, join, posix} from 'node:path';
import type {Command} from 'commander';
import {agentCopyIn, agentCopyOut} from '../../../manager/protocol/agent.js';
import {ManagerError} from '../../../manager/protocol/errors.js';
import {formatBytes} from '../../state/presenters/units.js';
import {AgentClientSession} from '../agent-session.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand} from '../command.js';
import {UsageError} from '../report-error.js';

/** A file of a guest. */
interface GuestPlace {
  readonly machine: string;
  readonly path: string;
}

/** `viv cp`: one file into or out of a running guest, through its agent. */
export const cp: CliCommand = {
  rank: 13,
  register(program: Command, cli: CliContext): void {
    program
      .command('cp')
      .description('copy a file into or out of a running guest')
      .usage('FILE NAME:PATH\n       viv cp NAME:PATH FILE')
      .argument('<from>', 'a file here, or NAME:PATH')
      .argument('<to>', 'NAME:PATH, or a file or folder here')
      .action(async (from: string, to: string) => {
        const [source, target] = [guestPlace(from), guestPlace(to)];
        if (source !== undefined && target === undefined) await copyOut(cli, source, to);
        else if (source === undefined && target !== undefined) await copyIn(cli, from, target);
        else
          throw new UsageError(
            'One side is a file here, the other one in a guest.',
            'For example: viv cp notes.txt brave-otter:/root/',
          );
      });
  },
};

/** As with scp, what has a colon before any slash is elsewhere. */
function guestPlace(text: string): GuestPlace | undefined {
  const match = /^([^/:]+):(.*)$/s.exec(text);
  return match === null ? undefined : {machine: match[1]!, path: match[2]!};
}

async function copyIn(cli: CliContext, file: string, {machine, path}: GuestPlace): Promise<void> {
  const status = await stat(file).catch((thrown: unknown) => {
    throw cannotRead(file, thrown);
  });
  if (!status.isFile())
    throw new UsageError(`${file} is no plain file.`, 'Copy one file at a time; pack a folder up with tar first.');
  const client = await cli.connect();
  using session = new AgentClientSession(client, async () => undefined);
  const params = {machine, sessionId: session.id, path, name: basename(file), mode: status.mode & 0o777};
  const answer = client.request(agentCopyIn, params, cli.interrupted);
  const input = createReadStream(file);
  try {
    // A copy that fails is told by the answer, which the pieces after it do not know.
    const fed = session.feed(input).then(
      () => answer,
      (thrown: unknown) => answer.then(() => Promise.reject(thrown)),
    );
    const {bytes} = await Promise.race([answer, fed, failure(input, file)]);
    cli.note(`${file} is in ${machine} (${formatBytes(bytes)}).`);
  } finally {
    input.destroy();
  }
}

/** The guest has no say in where the file goes: its name is that of the path which was asked for. */
async function copyOut(cli: CliContext, {machine, path}: GuestPlace, to: string): Promise<void> {
  const isFolder = await stat(to).then(
    (status) => status.isDirectory(),
    () => false,
  );
  const name = posix.basename(path);
  if (isFolder && (name === '' || name === '.' || name === '..'))
    throw new UsageError(`${path} does not name a file.`, 'Give the whole path in the guest.');
  const target = isFolder ? join(to, name) : to;
  const half = join(dirname(target), `.viv-cp-${randomBytes(6).toString('hex')}`);
  const client = await cli.connect();
  const file = await open(half, 'wx', 0o666).catch((thrown: unknown) => {
    throw cannotWrite(target, thrown);
  });
  try {
    let length = 0;
    {
      await using _file = file;
      using session = new AgentClientSession(client, async (_stream, bytes) => {
        await file.appendFile(bytes);
        length += bytes.length;
      });
      const params = {machine, sessionId: session.id, path};
      await Promise.race([client.request(agentCopyOut, params, cli.interrupted), session.failed]);
    }
    await rename(half, target).catch((thrown: unknown) => {
      throw cannotWrite(target, thrown);
    });
    cli.note(`${target} is here (${formatBytes(length)}).`);
  } catch (thrown) {
    await rm(half, {force: true});
    throw thrown;
  }
}

async function failure(input: NodeJS.EventEmitter, file: string): Promise<never> {
  return await new Promise<never>((_resolve, reject) => {
    input.once('error', (error) => reject(cannotRead(file, error)));
  });
}

function cannotRead(file: string, thrown: unknown): ManagerError {
  return new ManagerError('file-not-found', `${file} cannot be read: ${reasonOf(thrown)}.`, 'Check the path.');
}

function cannotWrite(file: string, thrown: unknown): ManagerError {
  return new ManagerError('storage-failed', `${file} cannot be written: ${reasonOf(thrown)}.`, 'Choose another place.');
}

function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
