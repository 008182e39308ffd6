import {createHash, randomBytes} from 'node:crypto';
import {readdir, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import type {Client} from '../../../src/manager/client.js';
import {imageImport, imageList, imageRemove} from '../../../src/manager/protocol/image.js';
import type {ImageImport} from '../../../src/manager/protocol/image-import.js';
import type {Job} from '../../../src/manager/protocol/job.js';
import {jobCancel, jobWait} from '../../../src/manager/protocol/job.js';
import {machineCreate, machineStart} from '../../../src/manager/protocol/machine.js';
import {openChain, resolveChain} from '../../../src/paravirt/block/chain.js';
import {scriptedKernel, TestConsole, TestDaemon} from '../../support/daemon.js';
import {FileServer} from '../../support/file-server.js';

let daemon: TestDaemon;
let client: Client;
let server: FileServer;

beforeEach(async () => {
  daemon = await TestDaemon.create();
  client = await daemon.connect();
  server = await FileServer.open();
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
});

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const kernel = Buffer.from(scriptedKernel('run'));

/** Puts bytes at an address, and says where they are. */
function serve(path: string, bytes: Uint8Array) {
  server.files.set(path, bytes);
  return {url: server.address(path), sha256: sha256(bytes)};
}

async function run(image: string, from: Partial<ImageImport>): Promise<Job> {
  const {job} = await client.request(imageImport, {image, from: {disks: [], hartCount: 1, ...from}});
  return (await client.request(jobWait, {jobId: job.id})).job;
}

const images = async () => (await client.request(imageList, {})).images;

/** Nothing is left of an import that failed: no image, no file. */
async function expectNothing(): Promise<void> {
  expect((await images()).map(({name}) => name)).not.toContain('mine');
  expect(await readdir(daemon.paths.machines)).toEqual([]);
  expect(await readdir(daemon.paths.templates).catch(() => [])).toEqual([]);
}

describe('an image of files', () => {
  it('boots them in machines of its own, with what was on the disks, when the files are gone', async () => {
    const content = randomBytes(1 << 20);
    const path = await daemon.file('disk.img', content);
    const kernelPath = await daemon.file('my-kernel', kernel);
    const job = await run('mine', {
      ...{title: 'My own', kernel: {path: kernelPath}, initrd: {path: await daemon.file('initrd', 'initrd')}},
      ...{commandLine: 'quiet', disks: [{path, isReadOnly: false}], memoryBytes: 64 << 20},
    });
    expect(job).toMatchObject({state: 'done', kind: 'image-import', subject: 'mine'});
    expect((await images()).find(({name}) => name === 'mine')).toMatchObject({
      ...{title: 'My own', state: 'ready', machine: {memoryBytes: 64 << 20, hartCount: 1, isWarm: false}},
    });
    for (const source of [path, kernelPath, join(daemon.folder, 'initrd')]) await rm(source);
    const boot = {kind: 'image' as const, image: 'mine'};
    const {machine} = await client.request(machineCreate, {name: 'one', boot});
    const config = machine.config!;
    expect(config).toMatchObject({memoryBytes: 64 << 20, boot: {kind: 'linux', commandLine: 'quiet'}});
    await client.request(machineStart, {machine: 'one'});
    await (await TestConsole.open(client, 'one')).until('booted');
    const disk = config.disks[0]!;
    await using shown = await openChain(
      await resolveChain(join(machine.folder, disk.path), disk.format, {allowedFolders: []}),
      true,
    );
    const read = new Uint8Array(1 << 20);
    await shown.readv([read], 0);
    expect(Buffer.compare(read, content)).toBe(0);
    await client.request(imageRemove, {image: 'mine'});
  });

  it('can be downloaded', async () => {
    const job = await run('mine', {kernel: serve('/vmlinuz', kernel), initrd: serve('/initrd', randomBytes(300_000))});
    expect(job.error).toBeUndefined();
    expect((await images()).find(({name}) => name === 'mine')).toMatchObject({title: 'Imported', state: 'ready'});
    expect(await readdir(daemon.paths.machines)).toEqual([]);
  });

  it('is not made of other bytes than were meant', async () => {
    const {url} = serve('/vmlinuz', kernel);
    const {error} = await run('mine', {kernel: {url, sha256: '0'.repeat(64)}});
    expect(error).toMatchObject({code: 'checksum-mismatch', message: expect.stringContaining(sha256(kernel))});
    await expectNothing();
  });

  it('says which address has nothing', async () => {
    const url = server.address('/missing');
    const {error} = await run('mine', {kernel: {url, sha256: '0'.repeat(64)}});
    expect(error).toMatchObject({
      code: 'download-failed',
      message: `${url} could not be downloaded: the server says 404 Not Found.`,
    });
    await expectNothing();
  });

  it('says that nobody is there', async () => {
    const url = server.address('/vmlinuz');
    await server[Symbol.asyncDispose]();
    const {error} = await run('mine', {kernel: {url, sha256: '0'.repeat(64)}});
    expect(error).toMatchObject({code: 'download-failed', message: expect.stringContaining('ECONNREFUSED')});
    server = await FileServer.open();
  });

  it('is not made when somebody cancels, and nothing stays', async () => {
    const source = serve('/vmlinuz', kernel);
    server.endless.add('/vmlinuz');
    const asked = server.asked('/vmlinuz');
    const {job} = await client.request(imageImport, {image: 'mine', from: {kernel: source}});
    await asked;
    await client.request(jobCancel, {jobId: job.id});
    expect((await client.request(jobWait, {jobId: job.id})).job.state).toBe('cancelled');
    await expectNothing();
  });

  it.each([
    ['what is no kernel', {kernel: 'text'}, 'bad-kernel'],
    ['a file that is not there', {kernel: undefined}, 'file-not-found'],
  ])('is not made of %s', async (_what, {kernel: content}, code) => {
    const path = content === undefined ? join(daemon.folder, 'missing') : await daemon.file('text', 'no kernel');
    expect((await run('mine', {kernel: {path}})).error).toMatchObject({code});
    await expectNothing();
  });

  it.each([
    ['nothing to boot', {}],
    ['two things to boot', {kernel: {path: '/k'}, firmware: {path: '/f'}}],
    ['a command line for a firmware', {firmware: {path: '/f'}, commandLine: 'quiet'}],
  ])('is refused at once with %s', async (_what, from) => {
    await expect(client.request(imageImport, {image: 'mine', from})).rejects.toMatchObject({code: 'bad-request'});
  });

  it('takes no name that another image has', async () => {
    const from = {kernel: {path: '/k'}};
    await expect(client.request(imageImport, {image: 'debian-mini', from})).rejects.toMatchObject({code: 'name-taken'});
  });
});
