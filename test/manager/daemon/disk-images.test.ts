import {execFileSync} from 'node:child_process';
import {readFile, stat, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, it} from 'vitest';
import type {Client} from '../../../src/manager/client.js';
import {imageRemove} from '../../../src/manager/protocol/image.js';
import {type Machine, machineCreate, machineList, machineStart} from '../../../src/manager/protocol/machine.js';
import {makeKey} from '../../../src/manager/ssh/host-key.js';
import {qcow2} from '../../../src/paravirt/block/formats/qcow2/qcow2.js';
import {HostFile} from '../../../src/paravirt/block/host-file.js';
import {TestDaemon} from '../../support/daemon.js';
import {DISK_BYTES, INITRD, putDiskImage} from '../../support/disk-image.js';
import {describeWith} from '../../support/tools.js';

const boot = {kind: 'image', image: 'debian'} as const;

describeWith(['cpio'], 'a machine of an image with a disk', () => {
  let daemon: TestDaemon;
  let client: Client;
  let image: string;
  beforeEach(async () => {
    daemon = await TestDaemon.create();
    image = await putDiskImage(daemon.paths.cache);
    client = await daemon.connect();
  });
  afterEach(() => daemon[Symbol.asyncDispose]());

  const inFolder = ({folder}: Machine, path = '') => join(folder, path);
  async function inspect(path: string) {
    await using file = await HostFile.open(path, true);
    return qcow2.inspect(file);
  }

  it("has a layer of its own over the image's disk, and the kernel that belongs to it", async () => {
    const {machine} = await client.request(machineCreate, {name: 'one', boot});
    expect(machine.config).toMatchObject({
      boot: {kind: 'linux', commandLine: 'root=/dev/vda', takesHostname: true, origin: 'debian'},
      disks: [{format: 'qcow2', isReadOnly: false}],
    });
    const layer = inFolder(machine, machine.config!.disks[0]!.path);
    expect(await inspect(layer)).toMatchObject({sizeBytes: DISK_BYTES, backing: {path: 'image.qcow2'}});
    const [here, there] = await Promise.all([
      stat(inFolder(machine, 'disks/image.qcow2')),
      stat(join(image, 'disk.qcow2')),
    ]);
    expect(here.ino).toBe(there.ino);
  });

  it('stays whole when the image goes', async () => {
    const {machine} = await client.request(machineCreate, {name: 'one', boot});
    await client.request(imageRemove, {image: 'debian'});
    expect(await inspect(inFolder(machine, 'disks/image.qcow2'))).toMatchObject({sizeBytes: DISK_BYTES});
    expect((await client.request(machineStart, {machine: 'one'})).machine.state).toBe('running');
  });

  it('has a larger disk when asked for one, and its other disks behind it', async () => {
    const {machine} = await client.request(machineCreate, {
      ...{name: 'one', boot: {...boot, diskBytes: 3 * DISK_BYTES}},
      disks: [{newSizeBytes: 1 << 20, format: 'raw'}],
    });
    const [root, other] = machine.config!.disks;
    expect(await inspect(inFolder(machine, root!.path))).toMatchObject({sizeBytes: 3 * DISK_BYTES});
    expect(other).toMatchObject({path: 'disks/disk0.raw', format: 'raw'});
  });

  it('cannot have a smaller disk, and then there is no machine', async () => {
    const smaller = {...boot, diskBytes: DISK_BYTES / 2};
    await expect(client.request(machineCreate, {name: 'one', boot: smaller})).rejects.toMatchObject({
      code: 'bad-request',
      message: expect.stringContaining('cannot be made smaller'),
    });
    expect((await client.request(machineList, {})).machines).toEqual([]);
  });

  it('has one place less for disks', async () => {
    const disks = Array.from({length: 5}, () => ({newSizeBytes: 1 << 20, format: 'raw' as const}));
    await expect(client.request(machineCreate, {name: 'one', boot, disks})).rejects.toMatchObject({
      code: 'bad-request',
      message: expect.stringContaining('place for 4 others'),
    });
    expect(await client.request(machineCreate, {name: 'one', boot, disks: disks.slice(1)})).toBeDefined();
  });

  it('lets in who may log in here, as far as the key is for it', async () => {
    const [all, some, others] = ['all', 'some', 'others'].map((name) => makeKey(name).public);
    await writeFile(daemon.paths.authorizedKeys, `${all}\nmachines="on*" ${some}\nmachines="two" ${others}\n`, {
      mode: 0o600,
    });
    const {machine} = await client.request(machineCreate, {name: 'one', boot});
    const initrd = await readFile(inFolder(machine, 'boot/initrd'));
    expect(initrd.subarray(0, INITRD.length).equals(INITRD)).toBe(true);
    const archive = initrd.subarray(Math.ceil(INITRD.length / 4) * 4);
    const names = execFileSync('cpio', ['-t', '--quiet'], {input: archive, encoding: 'utf8'}).trim().split('\n');
    expect(names).toEqual(['seed', 'seed/credentials', 'seed/credentials/ssh.authorized_keys.root']);
    const text = archive.toString('latin1');
    expect([all, some, others].map((key) => text.includes(key!.split(' ')[1]!))).toEqual([true, true, false]);
  });
});

describeWith(['bsdtar'], 'a seed', () => {
  it("is a read-only disk with the machine's name and what its user wants", async () => {
    await using daemon = await TestDaemon.create();
    const client = await daemon.connect();
    const userData = '#cloud-config\npackages: [jq]\n';
    const {machine} = await client.request(machineCreate, {
      ...{name: 'one', boot: {kind: 'linux', kernelPath: join(daemon.folder, 'kernel')}, memoryBytes: 64 << 20},
      seed: {userData, networkConfig: 'version: 2\n'},
    });
    const [disk] = machine.config!.disks;
    expect(disk).toMatchObject({path: 'disks/seed.iso', format: 'raw', isReadOnly: true});
    const read = (name: string) =>
      execFileSync('bsdtar', ['-xOf', join(machine.folder, 'disks/seed.iso'), name], {encoding: 'utf8'});
    expect(JSON.parse(read('meta-data'))).toEqual({'instance-id': machine.id, 'local-hostname': 'one'});
    expect(read('user-data')).toBe(userData);
    expect(read('network-config')).toBe('version: 2\n');
  });

  it('brings the keys of who may log in when there is nothing else to say', async () => {
    await using daemon = await TestDaemon.create();
    const client = await daemon.connect();
    const key = makeKey('me').public;
    await writeFile(daemon.paths.authorizedKeys, `${key}\n`, {mode: 0o600});
    const {machine} = await client.request(machineCreate, {
      ...{name: 'one', boot: {kind: 'linux', kernelPath: join(daemon.folder, 'kernel')}, memoryBytes: 64 << 20},
      seed: {},
    });
    const iso = join(machine.folder, 'disks/seed.iso');
    const text = execFileSync('bsdtar', ['-xOf', iso, 'user-data'], {encoding: 'utf8'});
    const [first, json = ''] = text.split('\n');
    expect(first).toBe('#cloud-config');
    expect(JSON.parse(json).ssh_authorized_keys).toContain(key);
  });
});
