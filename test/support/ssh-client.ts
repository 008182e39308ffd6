/** An SSH client of the library's, for what programs do not let tests do. */
import {Client, type ClientChannel} from 'ssh2';
import {SSH_ADDRESS} from '../../src/manager/ssh/ssh-server.js';

/** Logs in with a key. Rejects when that is refused. */
export async function sshLogIn(port: number, username: string, privateKey: string): Promise<Client> {
  const client = new Client();
  await new Promise<void>((resolve, reject) => {
    client.once('ready', resolve);
    client.once('error', reject);
    client.connect({host: SSH_ADDRESS, port, username, privateKey});
  });
  client.on('error', () => undefined);
  // As OpenSSH does: keys are sent at once.
  client.setNoDelay(true);
  return client;
}

/** Opens a tunnel. Rejects with the server's words. */
export function openTunnel(client: Client, place: string, port: number): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    client.forwardOut('127.0.0.1', 1, place, port, (error, channel) => (error ? reject(error) : resolve(channel)));
  });
}

/** Everything a channel sends until it ends. */
export function readChannel(channel: ClientChannel): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    channel.on('data', (chunk: Buffer) => chunks.push(chunk));
    channel.once('end', () => resolve(Buffer.concat(chunks)));
  });
}

/** Opens a shell with a terminal: a console. */
export function openShell(client: Client): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    client.shell({term: 'xterm', cols: 80, rows: 24}, (error, channel) => (error ? reject(error) : resolve(channel)));
  });
}
