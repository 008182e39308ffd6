import {once} from 'node:events';
import {mkdtemp, rm} from 'node:fs/promises';
import {connect, createServer, type Socket} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {z} from 'zod';
import {defineNotification, defineRequest} from '../../../src/manager/protocol/define.js';
import {ManagerError} from '../../../src/manager/protocol/errors.js';
import {Channel, defaultBounds} from '../../../src/manager/rpc/channel.js';

const double = defineRequest('test/double', z.object({n: z.number()}), z.object({n: z.number()}));
const news = defineNotification('test/news', z.object({text: z.string()}));

let cleanup: AsyncDisposableStack;
beforeEach(() => {
  cleanup = new AsyncDisposableStack();
});
afterEach(() => cleanup.disposeAsync());

/** Two connected sockets. */
async function pair(): Promise<readonly [Socket, Socket]> {
  const folder = await mkdtemp(join(tmpdir(), 'viv-rpc-'));
  cleanup.defer(() => rm(folder, {recursive: true}));
  const server = createServer();
  server.listen(join(folder, 's'));
  await once(server, 'listening');
  const near = connect(join(folder, 's'));
  const [far]: Socket[] = await once(server, 'connection');
  server.close();
  if (far === undefined) throw new Error('no connection');
  for (const socket of [near, far]) cleanup.defer(() => void socket.destroy());
  return [near, far];
}

function frame(message: unknown): string {
  const body = JSON.stringify(message);
  return `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

describe('a channel', () => {
  it('carries requests, errors with their hints, and notifications, both validated', async () => {
    const [near, far] = await pair();
    const client = new Channel(near);
    const server = new Channel(far);
    server.handle(double, async ({n}) => {
      if (n > 100) throw new ManagerError('bad-request', 'Too much.', 'Ask for less.');
      return {n: n * 2};
    });
    const heard: string[] = [];
    client.on(news, ({text}) => heard.push(text));
    client.listen();
    server.listen();
    server.notify(news, {text: 'hello'});
    expect(await client.request(double, {n: 21})).toEqual({n: 42});
    expect(heard).toEqual(['hello']);
    await expect(client.request(double, {n: 101})).rejects.toMatchObject({code: 'bad-request', hint: 'Ask for less.'});
    // biome-ignore lint/suspicious/noExplicitAny: what an old client might send
    await expect(client.request(double, {n: 'x'} as any)).rejects.toMatchObject({code: 'bad-request'});
  });

  it('that ends rejects what waits for an answer', async () => {
    const [near, far] = await pair();
    const client = new Channel(near);
    client.listen();
    const waiting = client.request(double, {n: 1});
    far.destroy();
    await expect(waiting).rejects.toMatchObject({code: 'daemon-unreachable'});
    await expect(client.request(double, {n: 1})).rejects.toMatchObject({code: 'daemon-unreachable'});
  });

  it('whose peer is gone takes what is sent before that is told, and loses it', async () => {
    const [near, far] = await pair();
    const channel = new Channel(near);
    channel.listen();
    const sent = Promise.withResolvers<unknown>();
    near.once('close', () => {
      expect(channel.isClosed).toBe(false);
      // As console output does that arrives at this moment.
      channel.notify(news, {text: 'too late'});
      channel.request(double, {n: 1}).then(sent.resolve, sent.resolve);
    });
    far.destroy();
    expect(await sent.promise).toMatchObject({code: 'daemon-unreachable'});
  });

  it('drops a peer that does not read, at the bound', async () => {
    const [near, far] = await pair();
    const server = new Channel(far, {...defaultBounds, maxBufferedBytes: 1_000_000});
    server.listen();
    near.pause();
    const closed = new Promise<string | undefined>((resolve) => server.onClose(resolve));
    let sent = 0;
    for (; !far.destroyed && sent < 100; sent++) server.notify(news, {text: 'x'.repeat(100_000)});
    expect(sent).toBeLessThan(50);
    expect(await closed).toBe('The peer does not read.');
  });

  it.each([
    ['a message beyond the bound', 'Content-Length: 5000000\r\n\r\n', 'larger than the allowed'],
    ['an endless header', 'x'.repeat(2000), 'header is too long'],
    ['a message without a length', 'Content-Type: x\r\n\r\n', 'no length'],
  ])('hangs up on %s before it is buffered', async (_what, bytes, reason) => {
    const [near, far] = await pair();
    const server = new Channel(far);
    server.listen();
    const closed = new Promise<string | undefined>((resolve) => server.onClose(resolve));
    near.write(bytes);
    expect(await closed).toContain(reason);
  });

  it('reads no further than its bound from a peer that asks faster than it is answered', async () => {
    const [near, far] = await pair();
    const server = new Channel(far, {...defaultBounds, maxPendingRequests: 8});
    const gate = Promise.withResolvers<void>();
    let started = 0;
    server.handle(double, async ({n}) => {
      started++;
      await gate.promise;
      return {n};
    });
    server.listen();
    const count = 20_000;
    let written = '';
    for (let id = 0; id < count; id++) written += frame({jsonrpc: '2.0', id, method: 'test/double', params: {n: id}});
    near.write(written);
    const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
    while (started <= 8) await turn();
    // Turns enough to read it all, if nothing held the reader back.
    for (let i = 0; i < 300; i++) await turn();
    // One read of 64 KiB holds about a thousand of these requests; the rest stays in the socket.
    expect(started).toBeLessThan(5000);
    let answered = 0;
    near.on('data', (bytes: Buffer) => {
      answered += bytes.toString('latin1').split('Content-Length').length - 1;
    });
    gate.resolve();
    while (answered < count) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(started).toBe(count);
  });

  it('is not starved by cancelled requests', async () => {
    const [near, far] = await pair();
    const client = new Channel(near);
    const server = new Channel(far, {...defaultBounds, maxPendingRequests: 4});
    server.handle(double, async ({n}, signal) => {
      if (n < 0 && !signal.aborted)
        await new Promise((resolve) => signal.addEventListener('abort', resolve, {once: true}));
      return {n};
    });
    client.listen();
    server.listen();
    for (let round = 0; round < 50; round++) {
      const cancel = new AbortController();
      const waiting = client.request(double, {n: -1}, cancel.signal);
      cancel.abort();
      await waiting.catch(() => undefined);
    }
    expect(await client.request(double, {n: 7})).toEqual({n: 7});
  });
});
