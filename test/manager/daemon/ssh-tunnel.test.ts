/** Connections into guests through the SSH server, by a real daemon and machine processes whose guests are scripted. */
import {randomBytes} from 'node:crypto';
import {writeFile} from 'node:fs/promises';
import type {Client} from 'ssh2';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {daemonStatus} from '../../../src/manager/protocol/daemon.js';
import {machinePause, machineResume} from '../../../src/manager/protocol/machine.js';
import {makeKey} from '../../../src/manager/ssh/host-key.js';
import {TUNNELS_MAX} from '../../../src/manager/ssh/ssh-tunnel.js';
import {TestDaemon} from '../../support/daemon.js';
import {openTunnel, readChannel, sshLogIn} from '../../support/ssh-client.js';

/** Ports of the scripted guest. */
const ECHO = 7;
const CLOSED = 22;

describe('a tunnel into a guest', () => {
  let daemon: TestDaemon;
  let fleet: Awaited<ReturnType<TestDaemon['connect']>>;
  let port = 0;
  const everywhere = makeKey('everywhere');
  const onlyOne = makeKey('only-one');
  const clients: Client[] = [];

  const logIn = async (user: string, key = everywhere) => {
    const client = await sshLogIn(port, user, key.private);
    clients.push(client);
    return client;
  };

  beforeAll(async () => {
    daemon = await TestDaemon.create({settings: {ssh: {isEnabled: true, port: 0}}});
    await writeFile(daemon.paths.authorizedKeys, `${everywhere.public}\nmachines="One" ${onlyOne.public}\n`, {
      mode: 0o600,
    });
    fleet = await daemon.connect();
    for (const name of ['One', 'two']) await daemon.run(fleet, name);
    await daemon.define(fleet, 'off');
    port = (await fleet.request(daemonStatus, {})).ssh.port ?? 0;
  }, 60_000);

  afterAll(async () => {
    for (const client of clients) client.destroy();
    await daemon?.[Symbol.asyncDispose]();
  });

  it.each([
    ['its name', 'viv', 'One'],
    ['its name in small letters', 'viv', 'one'],
    ['its name with .vm', 'viv', 'one.vm'],
    ['localhost, logged in to it', 'One', 'localhost'],
    ['its name, logged in to another one', 'two', 'One'],
  ])('reaches a machine by %s, and each side ends by itself', async (_, user, place) => {
    const channel = await openTunnel(await logIn(user), place, ECHO);
    const answer = readChannel(channel);
    const noise = randomBytes(3_000_000);
    channel.end(noise);
    expect((await answer).equals(noise)).toBe(true);
  });

  it.each([
    ['a port where nothing listens', 'viv', 'One', 80, 'Nothing listens at port 80 of One.'],
    ['a guest without an SSH server', 'viv', 'One', CLOSED, 'One runs no SSH server: nothing listens at its port 22.'],
    ['a machine that is off', 'viv', 'off', ECHO, 'Cannot reach off: it is off. Start it: viv start off'],
    ['a machine that is not there', 'viv', 'three', ECHO, 'There is no machine named "three".'],
    ['an address outside', 'One', '192.0.2.1', ECHO, 'There is no machine named "192.0.2.1".'],
    ["the host's own loopback", 'viv', 'localhost', ECHO, 'Connections lead into machines, never to the host.'],
    ['a port that is none', 'viv', 'One', 70_000, 'There is no port 70000.'],
  ])('is refused to %s in one sentence', async (_, user, place, to, sentence) => {
    await expect(openTunnel(await logIn(user), place, to)).rejects.toThrow(sentence);
  });

  it('is refused to a machine that is paused, and opens when it goes on', async () => {
    const client = await logIn('viv');
    await fleet.request(machinePause, {machine: 'two'});
    await expect(openTunnel(client, 'two', ECHO)).rejects.toThrow('it is paused. Let it go on: viv resume two');
    await fleet.request(machineResume, {machine: 'two'});
    (await openTunnel(client, 'two', ECHO)).close();
  });

  it('leads a key that is for one machine nowhere else, not even to tell what is there', async () => {
    const client = await logIn('One', onlyOne);
    const channel = await openTunnel(client, 'localhost', ECHO);
    channel.close();
    for (const place of ['two', 'two.vm', 'nobody', '127.0.0.2'])
      await expect(openTunnel(client, place, ECHO)).rejects.toThrow(`This key does not reach "${place}".`);
  });

  it('is one of so many of a client, and makes room when it ends', async () => {
    const client = await logIn('viv');
    const open = await Promise.all(Array.from({length: TUNNELS_MAX}, () => openTunnel(client, 'One', ECHO)));
    await expect(openTunnel(client, 'One', ECHO)).rejects.toThrow(`${TUNNELS_MAX} connections open already`);
    const closed = new Promise((resolve) => open[0]!.once('close', resolve));
    open[0]!.resume().close();
    await closed;
    (await openTunnel(client, 'One', ECHO)).close();
    for (const channel of open) channel.close();
  });

  it('waits for a client that does not read, without keeping what comes', async () => {
    const client = await logIn('viv');
    const channel = await openTunnel(client, 'One', ECHO);
    // Nothing of the echo is read: once all windows and buffers are full, no more is taken.
    let sent = 0;
    const piece = randomBytes(1 << 20);
    while (channel.write(piece) || sent < 8 << 20) {
      sent += piece.length;
      if (sent > 64 << 20) break;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(channel.writableLength).toBeGreaterThan(0);
    const answer = readChannel(channel);
    channel.end();
    expect((await answer).length).toBe(sent + piece.length);
  }, 60_000);
});
