/** A guest on the network: names by DHCP, TCP both ways, what it may not reach, and ports that lead into it. */
import {execFile} from 'node:child_process';
import {createHash, randomBytes} from 'node:crypto';
import {createServer, type Server} from 'node:http';
import {connect, type Socket, createServer as tcpServer} from 'node:net';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {until} from '../support/daemon.js';
import {Home} from '../support/home.js';
import {describeWith, itWith} from '../support/tools.js';

const RUN_MS = 120_000;
const BUILD_MS = 300_000;
const BYTES = 64 << 20;

const content = randomBytes(BYTES);
const md5 = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex');

let home: Home;
let web: Server;
let port: number;
beforeAll(async () => {
  home = await Home.createWithImage();
  web = createServer((request, response) => response.end(request.url === '/big' ? content : 'hello'));
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  const bound = web.address();
  port = typeof bound === 'object' && bound !== null ? bound.port : 0;
}, BUILD_MS);
afterAll(async () => {
  web.close();
  await home[Symbol.asyncDispose]();
});

const guest = (network: string, command: string) =>
  home.viv(['run', 'debian-mini', '--network', network, '--', 'sh', '-c', command]);

describe('a guest', () => {
  it(
    'has an address, a route and a name server, and the network at once',
    async () => {
      const command = `ip -o -4 addr show eth0; ip route; cat /etc/resolv.conf; wget -q -O - http://10.0.2.2:${port}/`;
      const {stdout, status} = await guest('user,host', command);
      expect(stdout).toMatch(/10\.0\.2\.15\/24/);
      expect(stdout).toMatch(/default via 10\.0\.2\.2/);
      expect(stdout).toMatch(/nameserver 10\.0\.2\.3/);
      expect(stdout).toMatch(/hello$/);
      expect(status).toBe(0);
    },
    RUN_MS,
  );

  it.each([
    ['the host’s loopback, unless it is let', 'user'],
    ['anything without a network', 'none'],
  ])(
    'does not reach %s',
    async (_, network) => {
      const {stdout, status} = await guest(network, `wget -q -T 5 -O - http://10.0.2.2:${port}/`);
      expect([stdout, status]).toEqual(['', 1]);
    },
    RUN_MS,
  );

  it(
    'gets and sends 64 MiB that are the same at the other end',
    async () => {
      const received = Promise.withResolvers<string>();
      const sink = tcpServer({allowHalfOpen: true}, async (socket: Socket) => {
        const hash = createHash('md5');
        for await (const chunk of socket.iterator({destroyOnReturn: false})) hash.update(chunk as Buffer);
        received.resolve(hash.digest('hex'));
        socket.end('done');
      });
      await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve));
      const bound = sink.address();
      const sinkPort = typeof bound === 'object' && bound !== null ? bound.port : 0;
      const command = `wget -q -O /tmp/big http://10.0.2.2:${port}/big && md5sum </tmp/big && nc 10.0.2.2 ${sinkPort} </tmp/big`;
      const {stdout} = await guest('user,host', command);
      sink.close();
      expect(stdout).toBe(`${md5(content)}  -\ndone`);
      expect(await received.promise).toBe(md5(content));
    },
    2 * RUN_MS,
  );

  it(
    'is reached by a port forward that is added while it runs, and told of in its counters',
    async () => {
      const hostPort = await freePort();
      expect((await home.viv(['create', 'debian-mini', '--name', 'web-1', '--start'])).status).toBe(0);
      const busy = await home.viv(['net', 'forward', 'web-1', `${port}:80`]);
      expect(busy).toMatchObject({status: 1, stderr: expect.stringMatching(/in use/)});
      expect((await home.viv(['net', 'forward', 'web-1', `${hostPort}:80`])).status).toBe(0);
      const twice = await home.viv(['net', 'forward', 'web-1', `${hostPort}:81`]);
      expect(twice).toMatchObject({status: 1, stderr: expect.stringMatching(/already/)});
      expect((await home.viv(['net', 'ls', 'web-1'])).stdout).toMatch(new RegExp(`web-1 +user +${hostPort}:80`));
      await using screen = home.open();
      await screen.see(/:~# *│?$/m, RUN_MS);
      screen.press('\r');
      await screen.see('Ctrl-]', RUN_MS);
      screen.press('echo from the guest > /tmp/index; nc -l -p 80 < /tmp/index\r');
      expect(await readUntilEnd(hostPort)).toBe('from the guest\n');
      screen.press('\x1d');
      screen.press('q');
      await screen.exited;
      // The newest sample may be from before.
      await until(async () => {
        const {sample} = JSON.parse((await home.viv(['show', 'web-1', '--json'])).stdout);
        return sample.netReceivedBytes > 0 && sample.netSentBytes > 0;
      });
      expect((await home.viv(['net', 'unforward', 'web-1', `${hostPort}`])).status).toBe(0);
      await expect(readOnce(hostPort)).rejects.toMatchObject({code: 'ECONNREFUSED'});
      expect((await home.viv(['kill', 'web-1'])).status).toBe(0);
    },
    3 * RUN_MS,
  );
});

describeWith(['tshark'], 'a capture', () => {
  itWith(
    ['tshark'],
    'shows a running guest’s packets both ways, in a file and through a pipe at once',
    async () => {
      expect((await home.viv(['create', 'debian-mini', '--name', 'seen', '--start'])).status).toBe(0);
      expect((await home.viv(['exec', '--wait', '60', 'seen', '--', 'true'])).status).toBe(0);
      const path = join(home.folder, 'seen.pcapng');
      // A ping: ARP may or may not be needed, so each ends by itself at the second ICMP packet or later.
      const file = home.start(['net', 'capture', 'seen', '-o', path, '--packets', '8']);
      const piped = shell('"$0" "$1" net capture seen -o - --packets 8 | tshark -r -');
      const ping = home.start(['exec', 'seen', '--', 'ping', '-c', '100', '10.0.2.2']);
      const written = await file.result;
      const shown = [await piped, await shell('tshark -r "$2"', path)];
      ping.child.kill();
      expect(written).toMatchObject({status: 0, stderr: '8 frames captured, 0 dropped.\n'});
      for (const packets of shown) {
        expect(packets).toMatch(/10\.0\.2\.15 → 10\.0\.2\.2 +ICMP 98 Echo \(ping\) request/);
        expect(packets).toMatch(/10\.0\.2\.2 → 10\.0\.2\.15 +ICMP 98 Echo \(ping\) reply/);
      }
      expect((await home.viv(['kill', 'seen'])).status).toBe(0);
    },
    2 * RUN_MS,
  );
});

/** What a shell prints; `$0 $1` is viv. */
async function shell(script: string, argument = ''): Promise<string> {
  const viv = fileURLToPath(new URL('../../bin/viv', import.meta.url));
  const args = ['-c', script, process.execPath, viv, argument];
  const {stdout} = await promisify(execFile)('sh', args, {env: {...process.env, ...home.environment}});
  return stdout;
}

async function freePort(): Promise<number> {
  const server = tcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bound = server.address();
  server.close();
  return typeof bound === 'object' && bound !== null ? bound.port : 0;
}

/** What comes until the other end closes. */
function readOnce(at: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect({host: '127.0.0.1', port: at});
    socket.setEncoding('utf8');
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('end', () => resolve(text));
    socket.on('error', reject);
  });
}

/** Again while the guest's program does not listen yet. */
async function readUntilEnd(at: number): Promise<string> {
  const timeout = AbortSignal.timeout(RUN_MS);
  for (;;) {
    const text = await readOnce(at).catch(() => '');
    if (text !== '' || timeout.aborted) return text;
  }
}
