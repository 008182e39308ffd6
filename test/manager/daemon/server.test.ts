import {once} from 'node:events';
import {chmod, mkdir, stat} from 'node:fs/promises';
import {connect} from 'node:net';
import {join} from 'node:path';
import {afterEach, describe, expect, it} from 'vitest';
import {Client} from '../../../src/manager/client.js';
import {
  daemonDoctor,
  daemonHello,
  daemonStatus,
  daemonStop,
  PROTOCOL_VERSION,
} from '../../../src/manager/protocol/daemon.js';
import {eventsSince, subscribe} from '../../../src/manager/protocol/events.js';
import {imageList} from '../../../src/manager/protocol/image.js';
import {machineCreate, machineList, machineRename, machineStart} from '../../../src/manager/protocol/machine.js';
import {metricsCurves, metricsSampled} from '../../../src/manager/protocol/metrics.js';
import {Channel} from '../../../src/manager/rpc/channel.js';
import {FleetWatch, TestDaemon} from '../../support/daemon.js';

let daemon: TestDaemon;

afterEach(() => daemon[Symbol.asyncDispose]());

async function rawChannel(): Promise<Channel> {
  const socket = connect(daemon.paths.socket);
  await once(socket, 'connect');
  const channel = new Channel(socket);
  channel.listen();
  return channel;
}

const MEBIBYTE = 1_048_576;

describe('the daemon', () => {
  it('listens on a socket that only its user can reach', async () => {
    daemon = await TestDaemon.create();
    await daemon.connect();
    expect((await stat(daemon.paths.runtime)).mode & 0o777).toBe(0o700);
    expect((await stat(daemon.paths.socket)).mode & 0o777).toBe(0o600);
  });

  it('does not start in a runtime folder that others can enter', async () => {
    daemon = await TestDaemon.create();
    await mkdir(daemon.paths.runtime, {recursive: true});
    await chmod(daemon.paths.runtime, 0o755);
    await expect(daemon.connect()).rejects.toMatchObject({
      code: 'runtime-folder-unsafe',
      hint: expect.stringContaining('chmod 700'),
    });
  });

  it('tells a client of another version so in one sentence, and answers nothing before the greeting', async () => {
    daemon = await TestDaemon.create();
    await daemon.connect();
    using channel = await rawChannel();
    await expect(channel.request(machineList, {})).rejects.toMatchObject({code: 'not-greeted'});
    const hello = channel.request(daemonHello, {protocolVersion: PROTOCOL_VERSION + 1, clientVersion: '9.9.9'});
    await expect(hello).rejects.toMatchObject({
      code: 'version-mismatch',
      message: expect.stringMatching(/^The running daemon is Vivarium 0\.1\.0 .* and this is 9\.9\.9 .*\.$/),
    });
    await expect(channel.request(machineList, {})).rejects.toMatchObject({code: 'not-greeted'});
  });

  it('is unreachable with a hint when it was not to be started', async () => {
    daemon = await TestDaemon.create();
    await expect(Client.connect({environment: daemon.environment})).rejects.toMatchObject({
      code: 'daemon-unreachable',
      hint: 'Start it with `viv daemon start`.',
    });
  });

  it('started by two clients at once is one daemon', async () => {
    daemon = await TestDaemon.create();
    const clients = await Promise.all([daemon.connect(), daemon.connect(), daemon.connect()]);
    expect(new Set(clients.map((client) => client.daemon.pid)).size).toBe(1);
  });

  it('names the setting that is wrong', async () => {
    daemon = await TestDaemon.create({settings: {console: {scrollbackBytes: -1}}});
    await expect(daemon.connect()).rejects.toMatchObject({
      code: 'bad-setting',
      message: expect.stringContaining('console.scrollbackBytes'),
    });
  });

  it('answers others while one client floods it with requests', async () => {
    daemon = await TestDaemon.create();
    const flooder = await daemon.connect();
    const other = await daemon.connect();
    const flood = Array.from({length: 20_000}, () => flooder.request(machineList, {}));
    const askedAtMs = Date.now();
    await other.request(daemonStatus, {});
    expect(Date.now() - askedAtMs).toBeLessThan(2000);
    await Promise.all(flood);
  });

  it('drops a client that does not read and goes on for the others', async () => {
    daemon = await TestDaemon.create({settings: {server: {maxBufferedBytes: 2_097_152}}});
    const other = await daemon.connect();
    const deaf = connect(daemon.paths.socket);
    await once(deaf, 'connect');
    const send = (id: number, method: string, params: object) => {
      const body = JSON.stringify({jsonrpc: '2.0', id, method, params});
      deaf.write(`Content-Length: ${body.length}\r\n\r\n${body}`);
    };
    send(0, 'daemon/hello', {protocolVersion: PROTOCOL_VERSION, clientVersion: '0'});
    deaf.pause();
    await daemon.define(other, 'one');
    const closed = new Promise((resolve) => deaf.once('close', resolve));
    deaf.on('error', () => undefined);
    for (let id = 1; id < 20_000; id++) send(id, 'machine/list', {});
    // It is told nothing while it does not read; the kernel tells its next write.
    while ((await other.request(daemonStatus, {})).clientCount > 1);
    deaf.resume();
    await closed;
    expect((await other.request(machineList, {})).machines).toHaveLength(1);
  });

  it('refuses bad names, bad sizes, missing files and unknown images, each with its code', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    const boot = {kind: 'linux' as const, kernelPath: join(daemon.folder, 'kernel')};
    const create = (params: object) => client.request(machineCreate, {boot, memoryBytes: 64 * MEBIBYTE, ...params});
    await expect(create({name: 'a/b'})).rejects.toMatchObject({code: 'bad-name'});
    await expect(create({name: 'a\u001b[2J'})).rejects.toMatchObject({code: 'bad-name'});
    await expect(create({memoryBytes: 1})).rejects.toMatchObject({code: 'bad-memory-size'});
    await expect(create({memoryBytes: 2 ** 50})).rejects.toMatchObject({
      code: 'not-enough-memory',
      message: expect.stringMatching(/^The machine wants 1073741824 MiB of memory, the host has \d+ MiB\.$/),
    });
    await expect(create({boot: {kind: 'linux', kernelPath: '/no/such'}})).rejects.toMatchObject({
      code: 'file-not-found',
    });
    await expect(create({boot: {kind: 'image', image: 'no-such'}})).rejects.toMatchObject({code: 'image-not-found'});
    const noKernel = await daemon.file('no-kernel', 'root:x:0:0:root:/root:/bin/sh\n');
    const refusal = {code: 'bad-kernel', message: 'The file is not a kernel viv knows how to start.'};
    await expect(create({boot: {kind: 'linux', kernelPath: noKernel}})).rejects.toMatchObject(refusal);
    const firmware = {kind: 'firmware', elfPath: process.execPath};
    await expect(create({boot: firmware})).rejects.toMatchObject({
      code: 'bad-firmware',
      message: expect.stringMatching(/^The program is built for .+, not for riscv64\.$/),
    });
    await expect(create({disks: [{path: '/no/such'}]})).rejects.toMatchObject({code: 'file-not-found'});
    expect((await client.request(machineList, {})).machines).toEqual([]);
    await create({name: 'one'});
    await expect(create({name: 'one'})).rejects.toMatchObject({code: 'name-taken'});
    await create({name: 'two'});
    await expect(client.request(machineRename, {machine: 'two', name: 'one'})).rejects.toMatchObject({
      code: 'name-taken',
    });
    expect((await client.request(machineRename, {machine: 'two', name: 'three'})).machine.name).toBe('three');
    expect((await create({})).machine.name).toMatch(/^[a-z]+-[a-z]+$/);
  });

  it('does not start two machines on one writable disk', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    const path = await daemon.file('disk.raw', new Uint8Array(4096));
    const boot = {kind: 'linux' as const, kernelPath: join(daemon.folder, 'kernel')};
    for (const name of ['one', 'two'])
      await client.request(machineCreate, {name, boot, memoryBytes: 64 * MEBIBYTE, disks: [{path}]});
    await client.request(machineStart, {machine: 'one'});
    await expect(client.request(machineStart, {machine: 'two'})).rejects.toMatchObject({
      code: 'disk-in-use',
      message: `The disk ${path} is in use by one.`,
    });
  });

  it('pushes a sample of every running machine', async () => {
    daemon = await TestDaemon.create({settings: {metrics: {intervalMs: 100}}});
    const client = await daemon.connect();
    const machine = await daemon.run(client, 'one');
    const sampled = Promise.withResolvers<{cpuPercent: number; machineId: string; instructionsPerSecond: number}>();
    client.on(metricsSampled, ({machines, host}) => {
      expect(host.memoryTotalBytes).toBeGreaterThan(0);
      if (machines[0] !== undefined) sampled.resolve(machines[0]);
    });
    await client.request(subscribe, {topics: ['metrics']});
    const sample = await sampled.promise;
    expect(sample.machineId).toBe(machine.id);
    // The scripted guest is busy half the time and retires a tenth of an instruction a nanosecond.
    expect(sample.cpuPercent).toBeGreaterThan(30);
    expect(sample.cpuPercent).toBeLessThan(70);
    expect(sample.instructionsPerSecond / 1e8).toBeCloseTo(1, 0);
  });

  it('keeps curves of machine and host over its own end, bounded as asked for', async () => {
    daemon = await TestDaemon.create({settings: {metrics: {intervalMs: 100}}});
    const before = await daemon.connect();
    const {id} = await daemon.run(before, 'one');
    const curves = (client: Client, machine?: string) =>
      client.request(metricsCurves, {...(machine === undefined ? {} : {machine}), spanMs: 300_000, points: 60});
    await expect
      .poll(async () => (await curves(before, id)).curves['cpu']?.mean.length, {timeout: 10_000})
      .toBeGreaterThan(0);
    const [{atMs}] = await Promise.all([curves(before, id), before.request(daemonStop, {machines: 'keep'})]);
    const after = await daemon.connect();
    const machine = await curves(after, id);
    expect(machine.atMs).toContain(atMs[0]);
    expect(machine.curves['cpu']?.most[0]).toBeGreaterThan(0);
    expect((await curves(after)).curves['memoryUsed']?.least[0]).toBeGreaterThan(0);
    const ask = (changes: object) => after.request(metricsCurves, {machine: id, spanMs: 300_000, ...changes});
    await expect(ask({points: 501})).rejects.toMatchObject({code: 'bad-request'});
    await expect(ask({spanMs: 7_200_001})).rejects.toMatchObject({code: 'bad-request'});
    await expect(ask({machine: 'nobody'})).rejects.toMatchObject({code: 'machine-not-found'});
  });

  it('numbers fleet notifications without gaps from the snapshot on', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    await daemon.define(client, 'one');
    const fleet = await FleetWatch.open(client);
    expect([...fleet.machines.values()].map(({name}) => name)).toEqual(['one']);
    const {fleetSeq, lastEventSeq} = await client.request(subscribe, {topics: ['fleet']});
    await daemon.run(client, 'two');
    await fleet.until('two', ({state}) => state === 'running');
    expect((await client.request(machineList, {})).seq).toBeGreaterThan(fleetSeq);
    const {events, isReloadNeeded} = await client.request(eventsSince, {seq: lastEventSeq});
    expect(isReloadNeeded).toBe(false);
    expect(events.map(({kind}) => kind)).toEqual(['machine-created', 'machine-started']);
    expect((await client.request(eventsSince, {seq: 1_000_000})).isReloadNeeded).toBe(true);
  });

  it('lists the images of the catalog and examines the host', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    expect((await client.request(imageList, {})).images.map(({name}) => name)).toContain('debian-mini');
    const {checks} = await client.request(daemonDoctor, {});
    expect(checks.find(({id}) => id === 'wasm')?.status).toBe('ok');
    expect(checks.find(({id}) => id === 'node')?.status).toBe('ok');
  });
});
