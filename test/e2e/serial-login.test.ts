/** Systems whose programs are at the serial port, while their kernel has a driver for the virtio console: nobody reads there. */
import {afterAll, beforeAll, expect, it, vi} from 'vitest';
import {Client} from '../../src/manager/client.js';
import {TestConsole} from '../support/daemon.js';
import {builtDebianMini} from '../support/debian-mini.js';
import {Home} from '../support/home.js';

vi.setConfig({testTimeout: 60_000});

let home: Home;
beforeAll(async () => {
  home = await Home.createWithImage();
}, 300_000);
afterAll(() => home?.[Symbol.asyncDispose]());

it('are typed to, and others where they printed', async () => {
  const {kernelPath, initrdPath} = await builtDebianMini();
  const line = 'console=ttyS0 quiet rdinit=/bin/sh';
  const args = [
    'create',
    '--kernel',
    kernelPath,
    '--initrd',
    initrdPath,
    '--append',
    line,
    '--name',
    'serial',
    '--start',
  ];
  expect(await home.viv(args)).toMatchObject({status: 0});
  await using client = await Client.connect({environment: {...process.env, ...home.environment}});
  const console = await TestConsole.open(client, 'serial');
  await console.until('~ # ');
  await console.type(
    'mount -t devtmpfs dev /dev; insmod /lib/modules/boot/virtio_mmio.ko; until [ -c /dev/hvc0 ]; do :; done; echo driver-$?\n',
  );
  await console.until('driver-0\r\n');
  await console.type('echo still-$((40 + 2))\n');
  await console.until('still-42\r\n');
  // A program that prints there is who is typed to.
  await console.type("sh -c 'echo name?; read name; echo hello-$name' </dev/hvc0 >/dev/hvc0\n");
  await console.until('name?\r\n');
  await console.type('otter\n');
  await console.until('hello-otter\r\n');
});
