import {rm} from 'node:fs/promises';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, it} from 'vitest';
import type {Client} from '../../../src/manager/client.js';
import {machineDisks} from '../../../src/manager/protocol/disks.js';
import {machineAttachDisk} from '../../../src/manager/protocol/machine.js';
import {TestDaemon} from '../../support/daemon.js';

let daemon: TestDaemon;
let client: Client;
beforeEach(async () => {
  daemon = await TestDaemon.create();
  client = await daemon.connect();
});
afterEach(() => daemon[Symbol.asyncDispose]());

const machine = 'one';

it('disks are told with their images, in the order of the guest', async () => {
  const {folder} = await daemon.define(client, machine);
  const raw = await daemon.file('data.img', new Uint8Array(8192));
  await client.request(machineAttachDisk, {machine, disk: {newSizeBytes: 2 ** 30, format: 'qcow2'}});
  await client.request(machineAttachDisk, {machine, disk: {path: raw, format: 'raw', isReadOnly: true}});
  const {disks} = await client.request(machineDisks, {machine});
  const own = join(folder, 'disks/disk0.qcow2');
  expect(disks).toMatchObject([
    {path: own, sizeBytes: 2 ** 30, isReadOnly: false, layers: [{path: own, format: 'qcow2'}]},
    {path: raw, sizeBytes: 8192, isReadOnly: true, layers: [{path: raw, format: 'raw'}]},
  ]);
  expect(disks[0]!.layers[0]!.usedBytes).toBeLessThan(2 ** 20);
});

it('one whose image is gone is told with why, beside the others', async () => {
  await daemon.define(client, machine);
  const raw = await daemon.file('gone.img', new Uint8Array(512));
  await client.request(machineAttachDisk, {machine, disk: {path: raw, format: 'raw', isReadOnly: false}});
  await client.request(machineAttachDisk, {machine, disk: {newSizeBytes: 2 ** 20, format: 'raw'}});
  await rm(raw);
  const {disks} = await client.request(machineDisks, {machine});
  expect(disks[0]).toMatchObject({path: raw, layers: []});
  expect(disks[0]!.problem).toContain('gone.img');
  expect(disks[1]).toMatchObject({sizeBytes: 2 ** 20});
});
