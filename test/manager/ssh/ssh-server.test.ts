/** The SSH server before anybody has logged in, with bare sockets. */
import {chmod, mkdir, mkdtempDisposable, readFile, stat, writeFile} from 'node:fs/promises';
import {connect, createServer, type Socket} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, describe, expect, it, vi} from 'vitest';
import {AgentService} from '../../../src/manager/services/agent-service.js';
import {ConsoleHub} from '../../../src/manager/services/console-hub.js';
import {Fleet} from '../../../src/manager/services/fleet.js';
import {loadSettings} from '../../../src/manager/settings/settings.js';
import {LOGIN_GRACE_MS, UNAUTHENTICATED_MAX} from '../../../src/manager/ssh/admission.js';
import {HOST_KEY_NAME} from '../../../src/manager/ssh/client-names.js';
import {ownKey} from '../../../src/manager/ssh/host-key.js';
import {SSH_ADDRESS, SshServer} from '../../../src/manager/ssh/ssh-server.js';

const folders: AsyncDisposable[] = [];

async function start(port = 0): Promise<{server: SshServer; folder: string}> {
  const home = await mkdtempDisposable(join(tmpdir(), 'viv-ssh-'));
  folders.push(home);
  const settings = await loadSettings(join(home.path, 'none.json'));
  const fleet = new Fleet();
  const folder = join(home.path, 'ssh');
  const server = new SshServer({
    settings: {isEnabled: true, port},
    folder,
    authorizedFile: join(home.path, 'authorized_keys'),
    fleet,
    consoles: new ConsoleHub(
      settings.console,
      () => home.path,
      async () => undefined,
    ),
    agents: new AgentService(fleet),
    environment: {HOME: home.path},
  });
  folders.push({[Symbol.asyncDispose]: async () => server[Symbol.dispose]()});
  await server.listen();
  return {server, folder};
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

describe('the SSH server', () => {
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
