/** Neighbours on a private switch: addresses of their own, names, what passes between them, and what goes on when the daemon dies. */
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {Home} from '../support/home.js';

const BOOT_MS = 120_000;
const BUILD_MS = 300_000;

let home: Home;
beforeAll(async () => {
  home = await Home.createWithImage();
}, BUILD_MS);
afterAll(() => home[Symbol.asyncDispose]());

async function create(name: string, network: string): Promise<void> {
  const {status, stderr} = await home.viv(['create', 'debian-mini', '--name', name, '--network', network, '--start']);
  expect([status, stderr]).toEqual([0, '']);
}
const guest = async (name: string, command: string) =>
  (await home.viv(['exec', '--wait', '100', name, '--', 'sh', '-c', command])).stdout;
/** Another guest is told of its neighbours a moment after they run. */
const ping = (name: string) => `for i in 1 2 3 4 5 6 7 8 9; do ping -c 1 -W 2 ${name} && break; sleep 1; done`;

describe('machines on a switch', () => {
  it(
    'have each an address, find each other by name, and nobody else',
    async () => {
      await Promise.all([
        create('otter', 'user,switch=lab'),
        create('heron', 'user,switch=lab'),
        create('loner', 'user'),
      ]);
      const shown = await Promise.all(['otter', 'heron'].map((name) => guest(name, 'ip -4 -o addr show eth0')));
      const addresses = shown.map((text) => /inet (\S+)\/24/.exec(text)?.[1]);
      expect(addresses.toSorted()).toEqual(['10.0.2.15', '10.0.2.16']);
      expect(await guest('otter', ping('heron'))).toContain(`64 bytes from ${addresses[1]}`);
      expect(await guest('heron', ping('otter.vm'))).toContain(`64 bytes from ${addresses[0]}`);
      expect(await guest('otter', 'nslookup loner.vm')).toContain('NXDOMAIN');
      expect(await guest('loner', 'ping -c 1 -W 2 10.0.2.16')).toContain('100% packet loss');
      // Their own routers are there as before.
      expect(await guest('heron', 'ping -c 1 -W 5 10.0.2.2')).toContain('64 bytes from 10.0.2.2');
    },
    2 * BOOT_MS,
  );

  it(
    'carry bytes to each other, the same at the other end',
    async () => {
      const receive = guest('otter', 'mkfifo /tmp/open; (sleep 600 >/tmp/open &) ; nc -l -p 5000 </tmp/open >/tmp/got');
      const sum = await guest('heron', 'head -c 8000000 /dev/urandom >/tmp/sent; md5sum </tmp/sent');
      const sent = guest('heron', 'for i in 1 2 3 4 5 6 7 8 9; do nc otter 5000 </tmp/sent && break; sleep 1; done');
      const whole =
        'while [ "$(stat -c %s /tmp/got)" != 8000000 ]; do sleep 1; done; md5sum </tmp/got; killall nc sleep';
      expect(await guest('otter', whole)).toBe(sum);
      await Promise.all([receive, sent]);
    },
    2 * BOOT_MS,
  );

  it(
    'are neighbours again when the daemon that was their switch was killed',
    async () => {
      const {pid} = JSON.parse((await home.viv(['daemon', 'status', '--json'])).stdout) as {pid: number};
      process.kill(pid, 'SIGKILL');
      expect(await guest('otter', ping('heron'))).toContain('64 bytes from');
      expect((await home.viv(['rename', 'heron', 'egret'])).status).toBe(0);
      expect(await guest('otter', ping('egret'))).toContain('64 bytes from');
    },
    BOOT_MS,
  );
});
