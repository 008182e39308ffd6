/** A command in a guest on an SSH channel, through the guest's agent. */
import type {Writable} from 'node:stream';
import type {ServerChannel} from 'ssh2';
import type {GuestAgent} from '../agent/guest-agent.js';
import {GuestCommand} from '../agent/guest-command.js';
import {ManagerError} from '../protocol/errors.js';

/**
 * Runs a line in the guest's shell until it ends or the client leaves; resolves with its status. Errors: those of
 * `GuestCommand`
 */
export async function serveCommand(channel: ServerChannel, agent: GuestAgent, line: string): Promise<number> {
  await using running = GuestCommand.start(agent, {
    command: ['sh', '-c', line],
    hasInput: true,
    onOutput: (stream, bytes) => write(stream === 'stdout' ? channel : channel.stderr, bytes, channel),
  });
  const gone = Promise.withResolvers<never>();
  channel.once('close', () =>
    gone.reject(new ManagerError('cancelled', 'The client has left.', 'Nothing of the command was left.')),
  );
  channel.on('data', (chunk: Buffer) => {
    channel.pause();
    running.write(chunk).then(() => channel.resume(), gone.reject);
  });
  channel.once('end', () => void running.endInput().catch(gone.reject));
  return await Promise.race([running.exited, gone.promise]);
}

/** Resolves when the client's window has taken all; whoever is gone takes everything. */
async function write(stream: Writable, bytes: Uint8Array, channel: ServerChannel): Promise<void> {
  if (channel.destroyed || !stream.writable) return;
  await new Promise<void>((resolve) => {
    channel.once('close', resolve);
    stream.write(bytes, () => {
      channel.off('close', resolve);
      resolve();
    });
  });
}
