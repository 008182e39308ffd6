/** Many viewers of a console by SSH, of a guest that prints as fast as it can. */
import {writeFile} from 'node:fs/promises';
import type {Client, ClientChannel} from 'ssh2';
import {afterEach, it} from 'vitest';
import {daemonStatus} from '../../../src/manager/protocol/daemon.js';
import {makeKey} from '../../../src/manager/ssh/host-key.js';
import {TestConsole, TestDaemon} from '../../support/daemon.js';
import {openShell, sshLogIn} from '../../support/ssh-client.js';

const VIEWERS = 10;
const FLOOD_BYTES = 8_000_000;

let daemon: TestDaemon;
const clients: Client[] = [];

afterEach(async () => {
  for (const client of clients) client.destroy();
  await daemon[Symbol.asyncDispose]();
});

function sees(shell: ClientChannel, word: string): Promise<void> {
  return new Promise((resolve) => {
    let tail = '';
    shell.on('data', (bytes: Buffer) => {
      tail = (tail + bytes.toString('latin1')).slice(-100_000);
      if (tail.includes(word)) resolve();
    });
  });
}

it('ten viewers of a guest that floods see how it ends, and neither they nor one that reads nothing hold up another console', async () => {
  daemon = await TestDaemon.create({settings: {ssh: {isEnabled: true, port: 0}}});
  const key = makeKey('viewer');
  await writeFile(daemon.paths.authorizedKeys, `${key.public}\n`, {mode: 0o600});
  const client = await daemon.connect();
  for (const name of ['loud', 'still']) await daemon.run(client, name);
  const {port = 0} = (await client.request(daemonStatus, {})).ssh;
  const open = async (name: string) => {
    const session = await sshLogIn(port, name, key.private);
    clients.push(session);
    return {session, shell: await openShell(session)};
  };
  const deaf = await open('loud');
  const socket: {pause(): void} = Reflect.get(deaf.session, '_sock');
  socket.pause();
  const viewers = await Promise.all(Array.from({length: VIEWERS}, () => open('loud')));
  const endings = viewers.map(({shell}) => sees(shell, 'the-end'));
  const other = await open('still');
  const typist = await TestConsole.open(client, 'loud');
  await typist.type(`flood ${FLOOD_BYTES}\n`);
  for (let count = 0; count < 5; count++) {
    const echo = sees(other.shell, `key-${count}.`);
    other.shell.write(`key-${count}.`);
    await echo;
  }
  await typist.type('print the-end\n');
  await Promise.all(endings);
}, 120_000);
