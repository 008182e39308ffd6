/** New keys in the middle of a connection, with OpenSSH's client at the other end of a tunnel that sends back what comes. */
import {execFile, spawn} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {join} from 'node:path';
import {PassThrough} from 'node:stream';
import {promisify} from 'node:util';
import {expect, it, vi} from 'vitest';
import {Fleet} from '../../../src/manager/services/fleet.js';
import {makeKey} from '../../../src/manager/ssh/host-key.js';
import {REKEY_GRACE_MS} from '../../../src/manager/ssh/key-renewal.js';
import {openTunnel, sshLogIn} from '../../support/ssh-client.js';
import {TestSshServer} from '../../support/ssh-server.js';
import {describeWith} from '../../support/tools.js';

const MIB = 1 << 20;

/** A server whose tunnels all lead to an echo. */
function start(authorizedKeys: string, bounds = {}): Promise<TestSshServer> {
  const fleet = new Fleet();
  return TestSshServer.start({authorizedKeys, fleet, bounds, streams: {open: async () => new PassThrough()}});
}

describeWith(['ssh', 'ssh-keygen'], 'new keys', () => {
  /** Sends bytes through a tunnel of OpenSSH's and back; with how often there were new keys. */
  async function echo(bytes: Buffer, bounds: object, ...options: string[]) {
    await using server = await start('', bounds);
    const key = join(server.folder, '../user');
    await promisify(execFile)('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    await promisify(execFile)('cp', [`${key}.pub`, server.authorizedFile]);
    const child = spawn('ssh', [
      ...['-F', 'none', '-v', '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-i', key],
      ...['-o', 'IdentityAgent=none', ...options, '-p', String(server.port), '-W', 'one:7', 'viv@127.0.0.1'],
    ]);
    const chunks: Buffer[] = [];
    let log = '';
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    child.stdin.end(bytes);
    const status = await new Promise((resolve) => child.once('close', resolve));
    return {status, back: Buffer.concat(chunks), exchanges: log.match(/SSH2_MSG_NEWKEYS received/g)?.length ?? 0, log};
  }

  it('are made when the client asks for them, as often as it likes', async () => {
    const noise = randomBytes(8 * MIB);
    const {status, back, exchanges} = await echo(noise, {}, '-o', 'RekeyLimit=1M');
    expect({status, isSame: back.equals(noise)}).toEqual({status: 0, isSame: true});
    expect(exchanges).toBeGreaterThan(4);
  }, 60_000);

  it.each(['aes128-ctr', 'aes128-gcm@openssh.com'])(
    'are made by the server after so many bytes with %s',
    async (cipher) => {
      const noise = randomBytes(8 * MIB);
      const {status, back, exchanges} = await echo(noise, {rekeyBytes: 2 * MIB}, '-c', cipher);
      expect({status, isSame: back.equals(noise)}).toEqual({status: 0, isSame: true});
      expect(exchanges).toBeGreaterThan(2);
    },
    60_000,
  );
});

it('a client that does not agree on new keys is gone', async () => {
  const key = makeKey('somebody');
  await using server = await start(`${key.public}\n`, {rekeyBytes: MIB});
  const client = await sshLogIn(server.port, 'viv', key.private);
  const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
  const channel = await openTunnel(client, 'one', 7);
  vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']});
  try {
    // The server wants new keys in the middle of this; what the client answers with is lost.
    const socket: {write: (bytes: Buffer) => boolean} = Reflect.get(client, '_sock');
    const write = socket.write.bind(socket);
    let sent = 0;
    socket.write = (bytes) => {
      sent += bytes.length;
      return sent < 2 * MIB ? write(bytes) : true;
    };
    channel.resume();
    channel.write(randomBytes(3 * MIB));
    await vi.waitFor(() => expect(vi.getTimerCount()).toBe(1), 10_000);
    await vi.advanceTimersByTimeAsync(REKEY_GRACE_MS);
    await closed;
  } finally {
    vi.useRealTimers();
    client.destroy();
  }
}, 30_000);

it('a client that asks without reading the answers is gone', async () => {
  const key = makeKey('somebody');
  await using server = await start(`${key.public}\n`, {unreadBytes: 64 * 1024});
  const client = await sshLogIn(server.port, 'viv', key.private);
  const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
  let isClosed = false;
  void closed.then(() => {
    isClosed = true;
  });
  const socket: {pause(): void} = Reflect.get(client, '_sock');
  socket.pause();
  // Each is answered by a sentence that nobody reads; what the kernel keeps of them comes first.
  for (let count = 0; !isClosed && count < 500_000; count += 100) {
    for (let each = 0; each < 100 && !isClosed; each++) openTunnel(client, 'localhost', 0).catch(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(isClosed).toBe(true);
  client.destroy();
}, 60_000);
