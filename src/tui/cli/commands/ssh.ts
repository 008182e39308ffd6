import {spawn} from 'node:child_process';
import {constants} from 'node:os';
import type {Command} from 'commander';
import {sshAccess} from '../../../manager/protocol/daemon.js';
import {ManagerError} from '../../../manager/protocol/errors.js';
import {machineShow} from '../../../manager/protocol/machine.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand} from '../command.js';
import {UsageError} from '../report-error.js';

/** `viv ssh`: OpenSSH's client, with files of Vivarium's own; with a user, to the guest's own server. */
export const ssh: CliCommand = {
  rank: 14,
  register(program: Command, cli: CliContext): void {
    program
      .command('ssh')
      .description("reach a machine by SSH: its console, a command in its guest, or the guest's own SSH server")
      .usage('[USER@]NAME [-- COMMAND...]')
      .argument('<name>', "machine; with USER@, a user of its guest's SSH server")
      .argument('[command...]', 'a line for the shell of the guest')
      .passThroughOptions()
      .action(async (place: string, command: readonly string[]) => {
        const [, user, ref] = /^(?:(.+)@)?([^@]+)$/s.exec(place) ?? [];
        if (ref === undefined)
          throw new UsageError(`${place} names no machine.`, 'For example: viv ssh web-1, or viv ssh root@web-1');
        const client = await cli.connect();
        const {machine} = await client.request(machineShow, {machine: ref});
        const guest = user === undefined ? {} : {guest: machine.id};
        const {configPath, host} = await client.request(sshAccess, guest, cli.interrupted);
        // A machine that is renamed keeps its keys.
        const target =
          user === undefined
            ? ['-l', machine.name, host]
            : ['-o', `HostKeyAlias=${machine.id}`, '-l', user, `${machine.name}.vm`];
        cli.status = await runSsh(cli, ['-F', configPath, ...target, ...command]);
      });
  },
};

/** Ctrl-C is the client's: it ends as it sees fit. */
async function runSsh(cli: CliContext, args: readonly string[]): Promise<number> {
  const child = spawn('ssh', [...args], {stdio: 'inherit'});
  cli.interrupted.addEventListener('abort', () => child.kill('SIGTERM'), {once: true});
  return await new Promise<number>((resolve, reject) => {
    child.on('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'ENOENT'
          ? new ManagerError(
              'file-not-found',
              "OpenSSH's client is not here.",
              'Install openssh-client, or use viv console.',
            )
          : error,
      ),
    );
    child.on('close', (status, signal) => resolve(status ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
}
