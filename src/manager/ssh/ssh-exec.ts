/** A command in a guest on an SSH channel, through the guest's agent. */
import type {GuestAgent} from '../agent/guest-agent.js';
import {GuestCommand} from '../agent/guest-command.js';
import {ManagerError} from '../protocol/errors.js';
import {untilAborted} from '../until-aborted.js';
import {type ClientEnd, writeAtPace} from './client-end.js';

/**
 * Runs a line in the guest's shell until it ends or the client leaves; resolves with its status. Errors: those of
 * `GuestCommand`
 */
export async function serveCommand(client: ClientEnd, agent: GuestAgent, line: string): Promise<number> {
  const {channel, gone} = client;
  await using running = GuestCommand.start(agent, {
    command: ['sh', '-c', line],
    hasInput: true,
    onOutput: (stream, bytes) => writeAtPace(client, bytes, stream === 'stdout' ? channel : channel.stderr),
  });
  const failed = Promise.withResolvers<never>();
  const left = () => new ManagerError('cancelled', 'The client has left.', 'Nothing of the command was left.');
  channel.on('data', (chunk: Buffer) => {
    channel.pause();
    running.write(chunk).then(() => channel.resume(), failed.reject);
  });
  channel.once('end', () => void running.endInput().catch(failed.reject));
  return await untilAborted(Promise.race([running.exited, failed.promise]), gone, left);
}
