import {once} from 'node:events';
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {createConnection, type Socket} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, it} from 'vitest';
import {openSocket, SOCKET_CLIENTS_MAX, SOCKET_PENDING_BYTES_MAX} from '../../../src/paravirt/char/backends/socket.js';
import {FakeOwner} from '../../support/driver-char.js';

let folder = '';
let path = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-sock-'));
  path = join(folder, 'console.sock');
});
afterEach(() => rm(folder, {recursive: true}));

async function connect(): Promise<Socket> {
  const socket = createConnection(path);
  await once(socket, 'connect');
  return socket;
}

it('shows output to everybody and takes input from everybody', async () => {
  const owner = new FakeOwner();
  await using endpoint = await openSocket(owner, path);
  const [first, second] = [await connect(), await connect()];
  await owner.until(() => owner.attachedCount === 2);
  endpoint.write(Buffer.from('hello'));
  const [[a], [b]] = await Promise.all([once(first, 'data'), once(second, 'data')]);
  expect([String(a), String(b)]).toEqual(['hello', 'hello']);
  first.write('1');
  second.write('2');
  await owner.until(() => owner.received.length === 2);
  first.destroy();
  await owner.until(() => owner.attachedCount === 1);
  second.destroy();
});

it('nobody connected is fine', async () => {
  await using endpoint = await openSocket(new FakeOwner(), path);
  endpoint.write(new Uint8Array(1 << 20));
  expect(endpoint.attachedCount).toBe(0);
});

it('holds a client back while the owner takes nothing, and loses nothing', async () => {
  const owner = new FakeOwner();
  owner.room = 3;
  await using endpoint = await openSocket(owner, path);
  const client = await connect();
  client.write('abcdef');
  await owner.until(() => owner.received === 'abc');
  owner.room = 100;
  endpoint.resumeInput();
  client.write('ghi');
  await owner.until(() => owner.received === 'abcdefghi');
  client.destroy();
});

it('disconnects a client that falls further behind than its bound', async () => {
  const owner = new FakeOwner();
  await using endpoint = await openSocket(owner, path);
  const client = await connect();
  client.pause();
  await owner.until(() => owner.attachedCount === 1);
  endpoint.write(new Uint8Array(SOCKET_PENDING_BYTES_MAX));
  expect(endpoint.droppedBytes).toBe(0);
  endpoint.write(new Uint8Array(SOCKET_PENDING_BYTES_MAX));
  await owner.until(() => owner.attachedCount === 0);
  expect(endpoint.droppedBytes).toBeGreaterThan(SOCKET_PENDING_BYTES_MAX);
  client.destroy();
});

it('turns away one client more than allowed', async () => {
  const owner = new FakeOwner();
  await using endpoint = await openSocket(owner, path);
  const clients: Socket[] = [];
  for (let index = 0; index < SOCKET_CLIENTS_MAX; index++) clients.push(await connect());
  await owner.until(() => owner.attachedCount === SOCKET_CLIENTS_MAX);
  const extra = await connect();
  extra.resume();
  await once(extra, 'close');
  expect(endpoint.attachedCount).toBe(SOCKET_CLIENTS_MAX);
  for (const client of clients) client.destroy();
});

it('refuses a path somebody listens on, a path that is a file, a path that is too long, a folder that is not there', async () => {
  await using _endpoint = await openSocket(new FakeOwner(), path);
  await expect(openSocket(new FakeOwner(), path)).rejects.toMatchObject({code: 'in-use'});
  const file = join(folder, 'file');
  await writeFile(file, 'precious');
  await expect(openSocket(new FakeOwner(), file)).rejects.toMatchObject({code: 'in-use'});
  expect(await readFile(file, 'utf8')).toBe('precious');
  await expect(openSocket(new FakeOwner(), `/tmp/${'x'.repeat(103)}`)).rejects.toMatchObject({code: 'bad-option'});
  await expect(openSocket(new FakeOwner(), join(folder, 'no', 'x'))).rejects.toMatchObject({code: 'io'});
});
