/** Clients that have logged in and go to the limits of the protocol, or beyond. */
import {randomBytes} from 'node:crypto';
import {Duplex, PassThrough} from 'node:stream';
import type {Client} from 'ssh2';
import {afterEach, describe, expect, it} from 'vitest';
import type {RunningMachine} from '../../../src/manager/hypervisor/contract.js';
import {Fleet, type FleetMachine} from '../../../src/manager/services/fleet.js';
import {UNREAD_INPUT_BYTES_MAX} from '../../../src/manager/ssh/client-end.js';
import {makeKey} from '../../../src/manager/ssh/host-key.js';
import {HANDLES_MAX} from '../../../src/manager/ssh/sftp/sftp-session.js';
import {openTunnel, readChannel, sshLogIn} from '../../support/ssh-client.js';
import {TestSshServer} from '../../support/ssh-server.js';

const stack: AsyncDisposable[] = [];

afterEach(async () => {
  for (const one of stack.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

/** Answers of an agent, by command; `requests` has those that came. */
type Agent = (command: string) => unknown;

async function logIn(streams: {open: () => Promise<Duplex>}, agent: Agent = () => ({})) {
  const key = makeKey('somebody');
  const fleet = new Fleet();
  const requests: string[] = [];
  const run: Pick<RunningMachine, 'askAgent'> = {
    askAgent: async ({command}) => {
      requests.push(command);
      return agent(command);
    },
  };
  fleet.find = (name) => ({name, state: 'running', run}) as unknown as FleetMachine;
  const server = await TestSshServer.start({authorizedKeys: `${key.public}\n`, fleet, streams});
  stack.push(server);
  const client = await sshLogIn(server.port, 'one', key.private);
  stack.push({[Symbol.asyncDispose]: async () => void client.destroy()});
  const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
  return {client, closed, requests};
}

/** Opens the files of a guest, as bytes. */
function openFiles(client: Client) {
  return new Promise<{write(bytes: Buffer): void; read(): Promise<Buffer>; said(): Promise<string>}>(
    (resolve, reject) => {
      client.subsys('sftp', (error, channel) => {
        if (error) return reject(error);
        let held = Buffer.alloc(0);
        let wake = () => {};
        let words = '';
        channel.stderr.on('data', (bytes: Buffer) => {
          words += bytes.toString();
        });
        const ended = new Promise<void>((done) => channel.once('close', () => done()));
        channel.on('data', (bytes: Buffer) => {
          held = Buffer.concat([held, bytes]);
          wake();
        });
        resolve({
          write: (bytes) => void channel.write(bytes),
          read: async () => {
            while (held.length < 4 || held.length < 4 + held.readUInt32BE(0))
              await new Promise<void>((done) => (wake = done));
            const packet = held.subarray(4, 4 + held.readUInt32BE(0));
            held = held.subarray(4 + packet.length);
            return packet;
          },
          said: () => ended.then(() => words),
        });
      });
    },
  );
}

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const text = (words: string | Buffer): Buffer => Buffer.concat([u32(Buffer.byteLength(words)), Buffer.from(words)]);
const packet = (type: number, ...parts: Buffer[]): Buffer => {
  const body = Buffer.concat([Buffer.of(type), ...parts]);
  return Buffer.concat([u32(body.length), body]);
};
const INIT = packet(1, u32(3));

describe('a client', () => {
  it('that sends more than its window is gone', async () => {
    // Takes nothing.
    const stuck = new Duplex({read: () => undefined, write: () => undefined, highWaterMark: 1});
    const {client, closed} = await logIn({open: async () => stuck});
    const channel = await openTunnel(client, 'one', 7);
    const protocol: {channelData(id: number, bytes: Buffer): void} = Reflect.get(client, '_protocol');
    const {id} = Reflect.get(channel, 'outgoing') as {id: number};
    // Windows are no multiple of it: the library takes no more by itself where one is used up exactly.
    const piece = randomBytes(30_000);
    for (let sent = 0; sent < 2 * UNREAD_INPUT_BYTES_MAX; sent += piece.length) protocol.channelData(id, piece);
    await closed;
  });
});

describe('a client of a tunnel', () => {
  it('may go on sending to a guest that has ended its side', async () => {
    const taken: Buffer[] = [];
    const ended = Promise.withResolvers<void>();
    const stream = new Duplex({
      read: () => undefined,
      write: (bytes: Buffer, _, done) => {
        taken.push(bytes);
        done();
      },
      final: (done) => {
        ended.resolve();
        done();
      },
    });
    const {client} = await logIn({open: async () => stream});
    const channel = await openTunnel(client, 'one', 7);
    stream.push('bye');
    stream.push(null);
    expect((await readChannel(channel)).toString()).toBe('bye');
    channel.end('more');
    await ended.promise;
    expect(Buffer.concat(taken).toString()).toBe('more');
  });
});

describe('a client of files', () => {
  const open = async (agent?: Agent) => {
    const {client, requests} = await logIn({open: async () => new PassThrough()}, agent);
    return {files: await openFiles(client), requests};
  };

  it.each([
    ['begins without a version', packet(17, u32(1), text('/')), 'begins without a version'],
    ['sends a packet of no length', u32(0), 'A packet has 0 bytes.'],
    ['sends a packet that is too long', Buffer.concat([INIT, u32(0xffff_ffff)]), 'A packet has 4294967295 bytes.'],
    [
      'sends a packet that ends too early',
      Buffer.concat([INIT, packet(17, u32(1), u32(9))]),
      'A packet ends too early.',
    ],
    [
      'reads beyond all files',
      Buffer.concat([INIT, packet(5, u32(1), text('1'), Buffer.alloc(8, 0xff), u32(1))]),
      'beyond all files',
    ],
  ])('that %s is told so, and ended', async (_, bytes, words) => {
    const {files} = await open();
    files.write(bytes);
    expect(await files.said()).toContain(words);
  });

  it.each([
    ['an unknown request', packet(99, u32(7)), 8],
    ['an unknown extension', packet(200, u32(7), text('what@ever')), 8],
    ['a name that is not UTF-8', packet(17, u32(7), text(Buffer.of(0x2f, 0xff))), 4],
    ['a name with a NUL', packet(17, u32(7), text('/a\0b')), 4],
    ['a name that is too long', packet(17, u32(7), text(`/${'x'.repeat(5000)}`)), 4],
    ['a handle that is none', packet(4, u32(7), text('99')), 4],
    ['reading by a handle that is none', packet(5, u32(7), text('99'), Buffer.alloc(8), u32(10)), 4],
  ])('is answered %s with a status', async (_, bytes, status) => {
    const {files} = await open();
    files.write(Buffer.concat([INIT, bytes]));
    expect((await files.read())[0]).toBe(2);
    const answer = await files.read();
    expect([answer[0], answer.readUInt32BE(1), answer.readUInt32BE(5)]).toEqual([101, 7, status]);
  });

  it('has so many handles and no more', async () => {
    const status = Buffer.from('81a4 1 0 0 5 1 1\n').toString('base64');
    const {files} = await open((command) => {
      if (command === 'guest-exec') return {pid: 1};
      if (command === 'guest-exec-status') return {exited: true, exitcode: 0, 'out-data': status};
      return command === 'guest-file-open' ? 1 : {};
    });
    const opening = Array.from({length: HANDLES_MAX + 1}, (_, id) => packet(3, u32(id), text('/f'), u32(1), u32(0)));
    files.write(Buffer.concat([INIT, ...opening]));
    await files.read();
    const kinds: (number | undefined)[] = [];
    for (let count = 0; count <= HANDLES_MAX; count++) kinds.push((await files.read())[0]);
    expect(kinds.filter((kind) => kind === 102)).toHaveLength(HANDLES_MAX);
    expect(kinds.at(-1)).toBe(101);
  });

  it('has what follows in a file asked for together', async () => {
    const status = Buffer.from('81a4 1 0 0 5 1 1\n').toString('base64');
    const {files, requests} = await open((command) => {
      if (command === 'guest-exec') return {pid: 1};
      if (command === 'guest-exec-status') return {exited: true, exitcode: 0, 'out-data': status};
      if (command === 'guest-file-read')
        return {count: 8, 'buf-b64': Buffer.from('abcdefgh').toString('base64'), eof: true};
      return command === 'guest-file-open' ? 1 : {};
    });
    files.write(Buffer.concat([INIT, packet(3, u32(1), text('/f'), u32(1), u32(0))]));
    for (let count = 0; count < 2; count++) await files.read();
    const offset = (at: number) => Buffer.concat([u32(0), u32(at)]);
    files.write(Buffer.concat([0, 4, 8].map((at) => packet(5, u32(at), text('1'), offset(at), u32(4)))));
    const answers = [await files.read(), await files.read(), await files.read()];
    expect(answers.map((each) => each.subarray(9).toString('latin1'))).toEqual(['abcd', 'efgh', expect.any(String)]);
    expect(requests.filter((command) => command === 'guest-file-read').length).toBeLessThan(3);
  });

  it('of a guest without an agent is told so', async () => {
    const {files} = await open(() => {
      throw Object.assign(new Error('No guest agent runs in it.'), {code: 'no-agent', hint: 'Install it.'});
    });
    files.write(INIT);
    expect(await files.said()).toContain('No guest agent runs in it.');
  });
});
