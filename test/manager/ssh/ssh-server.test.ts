/** The SSH server before anybody has logged in, with bare sockets. */
import {chmod, mkdir, readFile, stat, writeFile} from 'node:fs/promises';
import {connect, createServer, type Socket} from 'node:net';
import {dirname, join} from 'node:path';
import {Client} from 'ssh2';
import {afterEach, describe, expect, it, vi} from 'vitest';
import {LOGIN_GRACE_MS, UNAUTHENTICATED_MAX} from '../../../src/manager/ssh/admission.js';
import {HOST_KEY_NAME} from '../../../src/manager/ssh/client-names.js';
import {makeKey, ownKey} from '../../../src/manager/ssh/host-key.js';
import {AUTH_TRIES_MAX, SSH_ADDRESS, type SshServer} from '../../../src/manager/ssh/ssh-server.js';
import {SESSIONS_MAX} from '../../../src/manager/ssh/ssh-session.js';
import {TestSshServer} from '../../support/ssh-server.js';

const folders: AsyncDisposable[] = [];

async function start(port = 0): Promise<TestSshServer> {
  const server = await TestSshServer.start({port});
  folders.push(server);
  return server;
}

afterEach(async () => {
  vi.useRealTimers();
  for (const one of folders.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

function dial(server: SshServer): {socket: Socket; greeting: Promise<string>; closed: Promise<void>} {
  const socket = connect(server.status.port ?? 0, SSH_ADDRESS);
  folders.push({[Symbol.asyncDispose]: async () => void socket.destroy()});
  const greeting = Promise.withResolvers<string>();
  const closed = Promise.withResolvers<void>();
  socket.on('data', (bytes) => greeting.resolve(bytes.toString('latin1')));
  // A connection that is refused may end with a reset.
  socket.on('error', () => undefined);
  socket.on('close', () => {
    greeting.resolve('');
    closed.resolve();
  });
  return {socket, greeting: greeting.promise, closed: closed.promise};
}

/** A client of the library's, which tries the keys one after the other. */
async function logIn(
  server: SshServer,
  keys: readonly string[],
): Promise<{client: Client; tried: number; isIn: boolean}> {
  const client = new Client();
  folders.push({[Symbol.asyncDispose]: async () => void client.destroy()});
  let tried = 0;
  const ended = Promise.withResolvers<boolean>();
  client.on('ready', () => ended.resolve(true));
  client.on('error', () => undefined);
  client.on('close', () => ended.resolve(false));
  client.connect({
    host: SSH_ADDRESS,
    port: server.status.port ?? 0,
    username: 'one',
    authHandler: (_left, _partial, next) => {
      const key = keys[tried];
      if (key === undefined) return void client.end();
      tried++;
      next({type: 'publickey', username: 'one', key});
    },
  });
  return {client, isIn: await ended.promise, tried};
}

const newKey = () => makeKey('somebody');

describe('the SSH server', () => {
  it('closes who tries more keys than it may, the right one included', async () => {
    const {server, folder} = await start();
    const right = newKey();
    await writeFile(join(dirname(folder), 'authorized_keys'), `${right.public}\n`, {mode: 0o600});
    const wrong = Array.from({length: AUTH_TRIES_MAX}, () => newKey().private);
    const inTime = [...wrong.slice(0, AUTH_TRIES_MAX / 2 - 1), right.private];
    expect(await logIn(server, inTime)).toMatchObject({isIn: true});
    expect(await logIn(server, [...wrong, right.private])).toMatchObject({isIn: false});
  });

  it('refuses more sessions than one connection may have, and the others go on', async () => {
    const {server, folder} = await start();
    const key = newKey();
    await writeFile(join(dirname(folder), 'authorized_keys'), `${key.public}\n`, {mode: 0o600});
    const {client} = await logIn(server, [key.private]);
    // No machine is there: each ends with that news, and its place is free again.
    const run = () =>
      new Promise<string>((resolve) => {
        client.exec('true', (error, channel) => {
          if (error !== undefined && error !== null) return resolve('refused');
          let text = '';
          channel.stderr.on('data', (bytes: Buffer) => {
            text += bytes.toString();
          });
          channel.on('close', () => resolve(text));
          channel.resume();
        });
      });
    const all = await Promise.all(Array.from({length: SESSIONS_MAX + 1}, run));
    expect(all.filter((text) => text === 'refused')).toHaveLength(1);
    expect(await run()).toContain('no machine named');
  });

  it('greets on the loopback interface, and makes its key with the first client', async () => {
    const {server, folder} = await start();
    await expect(stat(folder)).rejects.toThrow('ENOENT');
    expect(await dial(server).greeting).toMatch(/^SSH-2\.0-vivarium\r\n/);
    expect((await stat(join(folder, HOST_KEY_NAME))).mode & 0o777).toBe(0o600);
    const key = await readFile(join(folder, HOST_KEY_NAME), 'utf8');
    expect((await ownKey(join(folder, HOST_KEY_NAME), 'vivarium')).privateKey).toBe(key);
  });

  it('closes who comes when so many have not logged in', async () => {
    const {server} = await start();
    const all = Array.from({length: UNAUTHENTICATED_MAX + 1}, () => dial(server).greeting);
    const greeted = (await Promise.all(all)).filter((text) => text.startsWith('SSH-'));
    expect(greeted.length).toBe(UNAUTHENTICATED_MAX);
  });

  it('closes who does not log in in time', async () => {
    const {server} = await start();
    await dial(server).greeting;
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']});
    const {greeting, closed, socket} = dial(server);
    await greeting;
    vi.advanceTimersByTime(LOGIN_GRACE_MS - 1);
    expect(socket.destroyed).toBe(false);
    vi.advanceTimersByTime(1);
    await closed;
  });

  it('says in one sentence that its port is taken', async () => {
    const other = createServer();
    folders.push({[Symbol.asyncDispose]: async () => void other.close()});
    await new Promise<void>((resolve) => other.listen(0, SSH_ADDRESS, resolve));
    const address = other.address();
    const {server} = await start(typeof address === 'object' && address !== null ? address.port : 0);
    expect(server.status.reason).toMatch(/^Port \d+ cannot be had: another program listens there\. Choose another/);
  });

  it.each([
    ['others can read', 0o644, 'can be read by others'],
    ['is none', 0o600, 'is no private key'],
  ])('does not use a host key that %s', async (_, mode, reason) => {
    const {server, folder} = await start();
    await mkdir(folder);
    await writeFile(join(folder, HOST_KEY_NAME), 'nothing');
    await chmod(join(folder, HOST_KEY_NAME), mode);
    expect(await dial(server).greeting).toBe('');
    expect(server.status.reason).toContain(reason);
  });
});
