import {describe, expect, it} from 'vitest';
import type {BlockFailure} from '../../../src/paravirt/block/contract.js';
import {RANGE_SECTORS_MAX, RANGES_MAX, REQUEST_BYTES_MAX} from '../../../src/paravirt/devices/blk/layout.js';
import {BlkDevice, type BlkOptions, blk, IN_FLIGHT_MAX} from '../../../src/paravirt/devices/blk.js';
import {ParavirtError} from '../../../src/paravirt/error.js';
import {FakeDisk} from '../../support/driver-disk.js';
import {MmioDriver} from '../../support/driver-mmio.js';
import type {DriverBuffer} from '../../support/driver-queue.js';
import type {FakeMemory} from '../../support/fake-memory.js';

const IN = 0;
const OUT = 1;
const FLUSH = 4;
const GET_ID = 8;
const DISCARD = 11;
const WRITE_ZEROES = 13;
const [OK, IOERR, UNSUPP] = [0, 1, 2];

function header(type: number, sector: number | bigint = 0): DriverBuffer {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setBigUint64(8, BigInt(sector), true);
  return {read: bytes};
}

function ranges(...list: [sector: number, count: number, flags?: number][]): DriverBuffer {
  const bytes = new Uint8Array(16 * list.length);
  const view = new DataView(bytes.buffer);
  for (const [index, [sector, count, flags = 0]] of list.entries()) {
    view.setBigUint64(16 * index, BigInt(sector), true);
    view.setUint32(16 * index + 8, count, true);
    view.setUint32(16 * index + 12, flags, true);
  }
  return {read: bytes};
}

const status: DriverBuffer = {write: 1};
const sector = (fill: number): DriverBuffer => ({read: new Uint8Array(512).fill(fill)});

function setUp(disk = new FakeDisk(), options: Omit<BlkOptions, 'backend'> = {}, memory?: FakeMemory) {
  const device = new BlkDevice({backend: disk, ...options});
  const driver = new MmioDriver(device, memory).start();
  const queue = driver.queues[0]!;
  /** Sends one request and waits for its answer: data and status. */
  const ask = async (...buffers: DriverBuffer[]) => {
    queue.add(...buffers);
    driver.notify(0);
    await device.drain();
    const used = queue.takeUsed();
    if (used === undefined) throw new Error('no answer');
    const {written} = used;
    return {status: written.at(-1), data: written.subarray(0, -1), length: used.length};
  };
  return {disk, device, driver, queue, ask};
}

describe('a disk', () => {
  it('tells its size, block size and limits', () => {
    const {driver} = setUp(new FakeDisk({sectors: 1234}), {blockBytes: 4096, queueCount: 4});
    expect([driver.config(0, 4), driver.config(4, 4)]).toEqual([1234, 0]);
    expect(driver.config(12, 4)).toBe(254);
    expect(driver.config(20, 4)).toBe(4096);
    expect(driver.config(34, 2)).toBe(4);
    expect(driver.queues).toHaveLength(4);
    expect(driver.offered).toEqual([2, 6, 9, 12, 13, 14, 28, 29, 32]);
  });

  it('keeps what was written and counts it', async () => {
    const {device, ask} = setUp();
    expect((await ask(header(OUT, 3), sector(0x11), sector(0x22), status)).status).toBe(OK);
    const answer = await ask(header(IN, 4), {write: 512}, status);
    expect([answer.status, answer.length, answer.data[0], answer.data[511]]).toEqual([OK, 513, 0x22, 0x22]);
    expect(device.counters).toMatchObject({readOperations: 1, readBytes: 512, writeOperations: 1, writtenBytes: 1024});
  });

  it('does not care how the driver cuts a request into buffers', async () => {
    const {disk, ask, queue, driver, device} = setUp();
    disk.bytes.fill(0x5a, 512, 1024);
    const whole = (header(IN, 1) as {read: Uint8Array}).read;
    const answer = await ask({read: whole.subarray(0, 5)}, {read: whole.subarray(5)}, {write: 100}, {write: 413});
    expect([answer.status, answer.data.every((byte) => byte === 0x5a)]).toEqual([OK, true]);
    queue.addIndirect(header(OUT, 0), {read: new Uint8Array(500).fill(9)}, {read: new Uint8Array(12).fill(9)}, status);
    driver.notify(0);
    await device.drain();
    expect(disk.bytes[511]).toBe(9);
  });

  it('marks what it read as written, so that code in it is not stale', async () => {
    const {driver, ask} = setUp();
    driver.memory.written.length = 0;
    await ask(header(IN, 0), {write: 1024}, status);
    expect(driver.memory.written.map((range) => range.length).filter((length) => length > 8)).toEqual([1024]);
    expect(driver.memory.written.some((range) => range.length === 1)).toBe(true);
  });

  it('flushes', async () => {
    const {disk, ask} = setUp();
    expect((await ask(header(FLUSH), status)).status).toBe(OK);
    expect(disk.log).toEqual(['flush']);
  });

  it('tells its serial number, cut to 20 bytes', async () => {
    const {ask} = setUp(new FakeDisk(), {serial: 'abcdefghijklmnopqrstuvwxyz'});
    expect(Buffer.from((await ask(header(GET_ID), {write: 20}, status)).data).toString()).toBe('abcdefghijklmnopqrst');
  });

  it('discards and writes zeros range by range', async () => {
    const {disk, ask} = setUp();
    disk.bytes.fill(1);
    expect((await ask(header(WRITE_ZEROES), ranges([1, 2], [5, 1, 1]), status)).status).toBe(OK);
    expect((await ask(header(DISCARD), ranges([7, 3]), status)).status).toBe(OK);
    expect(disk.log).toEqual(['zero 512 1024', 'zero 2560 512', 'discard 3584 1536']);
    expect([disk.bytes[511], disk.bytes[512], disk.bytes[1535], disk.bytes[1536]]).toEqual([1, 0, 0, 1]);
  });

  it('works on several requests at once', async () => {
    const {disk, device, driver, queue} = setUp();
    let open = (): void => {};
    disk.gate = new Promise((resolve) => {
      open = resolve;
    });
    for (let index = 0; index < 4; index++) queue.add(header(IN, index), {write: 512}, status);
    driver.notify(0);
    expect(disk.log).toHaveLength(4);
    expect(queue.takeUsed()).toBeUndefined();
    open();
    await device.drain();
    expect(queue.takeAllUsed()).toHaveLength(4);
  });

  it('takes no more than its bound at once, and the rest later', async () => {
    const disk = new FakeDisk();
    const device = new BlkDevice({backend: disk});
    const driver = new MmioDriver(device).start(undefined, 256);
    let open = (): void => {};
    disk.gate = new Promise((resolve) => {
      open = resolve;
    });
    for (let index = 0; index < IN_FLIGHT_MAX + 1; index++) driver.queues[0]!.add(header(FLUSH), status);
    driver.notify(0);
    expect(disk.log).toHaveLength(IN_FLIGHT_MAX);
    open();
    while (device.drain() !== undefined) await device.drain();
    expect(driver.queues[0]!.takeAllUsed()).toHaveLength(IN_FLIGHT_MAX + 1);
  });

  it('a reset waits for requests in flight and none of them answers after it', async () => {
    const {disk, device, driver, queue} = setUp();
    let open = (): void => {};
    disk.gate = new Promise((resolve) => {
      open = resolve;
    });
    queue.add(header(IN), {write: 512}, status);
    const statusByte = driver.memory.bytes(queue.allocate(0) - 16, 1)!.fill(0xff);
    driver.notify(0);
    const ended = driver.host[Symbol.asyncDispose]();
    let isEnded = false;
    void ended.then(() => {
      isEnded = true;
    });
    await new Promise(setImmediate);
    expect([isEnded, disk.isClosed]).toEqual([false, false]);
    open();
    await ended;
    expect([disk.isClosed, queue.usedIndex, statusByte[0]]).toEqual([true, 0, 0xff]);
    expect(device.drain()).toBeUndefined();
  });

  it('tells the guest when its size changed', () => {
    const disk = new FakeDisk({sectors: 8});
    const {driver, device} = setUp(disk);
    driver.takeInterrupt();
    Object.defineProperty(disk, 'sizeBytes', {value: 16 * 512});
    device.sizeChanged();
    expect([driver.takeInterrupt(), driver.config(0, 4)]).toEqual([2, 16]);
  });

  it('ends its backend when it ends', async () => {
    const {driver, disk} = setUp();
    await driver[Symbol.asyncDispose]();
    expect(disk.isClosed).toBe(true);
  });

  it('is made by its registry row', () => {
    expect(blk.create({backend: new FakeDisk()}).description.deviceId).toBe(blk.deviceId);
  });
});

describe('a request the disk cannot do ends in a status', () => {
  const sectors = 64;
  it.each([
    ['reading behind the end', [header(IN, sectors), {write: 512}, status], IOERR],
    ['reading across the end', [header(IN, sectors - 1), {write: 1024}, status], IOERR],
    ['writing behind the end', [header(OUT, sectors), sector(1), status], IOERR],
    ['a sector near 2^64', [header(IN, 2n ** 64n - 1n), {write: 512}, status], IOERR],
    ['half a sector', [header(IN), {write: 256}, status], IOERR],
    ['writing one and a half', [header(OUT), {read: new Uint8Array(768)}, status], IOERR],
    ['a type nobody knows', [header(0x4242), status], UNSUPP],
    ['one range too many', [header(WRITE_ZEROES), ranges(...range(RANGES_MAX + 1)), status], IOERR],
    ['no range', [header(DISCARD), status], IOERR],
    ['half a range', [header(DISCARD), {read: new Uint8Array(24)}, status], IOERR],
    ['a range behind the end', [header(DISCARD), ranges([60, 5]), status], IOERR],
    ['a range one sector too long', [header(WRITE_ZEROES), ranges([0, RANGE_SECTORS_MAX + 1]), status], IOERR],
    ['an unknown range flag', [header(DISCARD), ranges([0, 1, 1]), status], UNSUPP],
  ] satisfies [string, DriverBuffer[], number][])('%s', async (_name, buffers, expected) => {
    const {disk, driver, ask} = setUp(new FakeDisk({sectors}));
    expect((await ask(...buffers)).status).toBe(expected);
    expect(disk.log).toEqual([]);
    expect(driver.needsReset).toBe(false);
  });

  it('writing to a read-only disk, which offers no way to change it', async () => {
    const {disk, driver, ask} = setUp(new FakeDisk({isReadOnly: true}));
    expect(driver.offered).toEqual([2, 5, 6, 9, 28, 29, 32]);
    expect((await ask(header(OUT), sector(1), status)).status).toBe(IOERR);
    expect((await ask(header(WRITE_ZEROES), ranges([0, 1]), status)).status).toBe(IOERR);
    expect(disk.log).toEqual([]);
  });

  it('discarding where the backend cannot', async () => {
    const {driver, ask} = setUp(new FakeDisk({canDiscard: false}));
    expect(driver.offered).not.toContain(13);
    expect((await ask(header(DISCARD), ranges([0, 1]), status)).status).toBe(UNSUPP);
  });

  it('one sector more than a request may have', async () => {
    const device = new BlkDevice({backend: new FakeDisk({sectors: (REQUEST_BYTES_MAX >> 9) + 1})});
    const driver = new MmioDriver(device).start(undefined, 64);
    const queue = driver.queues[0]!;
    const head = queue.allocate(32);
    const chunkBytes = 2 << 20;
    // The same 2 MiB of RAM again and again, so that the test needs no 64 MiB of it.
    const chunk = {address: driver.memory.baseAddress + chunkBytes, length: chunkBytes, flags: 2};
    const send = async (lastBytes: number) => {
      const chunks = Array.from({length: REQUEST_BYTES_MAX / chunkBytes}, () => chunk);
      const last = {...chunk, length: lastBytes};
      const chain = [{address: head, length: 16, flags: 0}, ...chunks, last, {address: head + 16, length: 1, flags: 2}];
      for (const [index, descriptor] of chain.entries()) {
        const flags = descriptor.flags | (index < chain.length - 1 ? 1 : 0);
        queue.writeDescriptor(queue.descriptors, index, {...descriptor, flags, next: index + 1});
      }
      queue.publish(0);
      driver.notify(0);
      await device.drain();
      return driver.memory.bytes(head + 16, 1)![0];
    };
    expect([await send(0), await send(512)]).toEqual([OK, IOERR]);
  });
});

function range(count: number): [number, number][] {
  return Array.from({length: count}, (_, index) => [index, 1]);
}

describe('a host that fails', () => {
  it('gives the guest an I/O error for what waiting cannot mend, and the owner the reason', async () => {
    const failures: BlockFailure[] = [];
    const {disk, device, ask} = setUp(new FakeDisk(), {onHostFailure: (failure) => failures.push(failure)});
    disk.failure = new ParavirtError('corrupt', 'The disk is damaged.', 'Check it.');
    expect((await ask(header(IN), {write: 512}, status)).status).toBe(IOERR);
    expect(failures).toEqual([{operation: 'read', error: disk.failure, isParked: false}]);
    expect(device.counters.failedOperations).toBe(1);
  });

  it('parks a read that fails once, and gives the guest the error when it fails again', async () => {
    const failures: BlockFailure[] = [];
    const {disk, device, driver, queue} = setUp(new FakeDisk(), {onHostFailure: (failure) => failures.push(failure)});
    disk.failure = new ParavirtError('io', 'The disk is broken.', 'Buy another.');
    queue.add(header(IN), {write: 512}, status);
    driver.notify(0);
    await device.drain();
    expect([queue.takeUsed(), device.parkedCount]).toEqual([undefined, 1]);
    device.retryParked();
    await device.drain();
    expect(queue.takeUsed()?.written.at(-1)).toBe(IOERR);
    expect(failures.map(({isParked}) => isParked)).toEqual([true, false]);
  });

  it.each(['no-space', 'io'] as const)(
    'by %s parks a write until the disk works again; nothing is lost',
    async (code) => {
      const failures: BlockFailure[] = [];
      const {disk, device, driver, queue} = setUp(new FakeDisk(), {onHostFailure: (failure) => failures.push(failure)});
      disk.failure = new ParavirtError(code, 'The host disk is full.', 'Free some space.');
      queue.add(header(OUT, 2), sector(7), status);
      driver.notify(0);
      await device.drain();
      expect([queue.takeUsed(), device.parkedCount, failures[0]?.error.code]).toEqual([undefined, 1, code]);
      device.retryParked();
      await device.drain();
      expect([device.parkedCount, failures.length]).toEqual([1, 2]);
      disk.failure = undefined;
      device.retryParked();
      await device.drain();
      expect(queue.takeUsed()?.written).toEqual(Uint8Array.of(OK));
      expect(disk.bytes[1024]).toBe(7);
    },
  );

  it('that is full is an I/O error when nobody could free space', async () => {
    const {disk, ask} = setUp();
    disk.failure = new ParavirtError('no-space', 'The host disk is full.', 'Free some space.');
    expect((await ask(header(OUT), sector(7), status)).status).toBe(IOERR);
  });
});

describe('a chain without room for header or status', () => {
  it.each([
    ['no status', [header(IN)]],
    ['half a header', [{read: new Uint8Array(15)}, status]],
    ['nothing at all', [{write: 0}]],
  ] satisfies [string, DriverBuffer[]][])('%s', (_name, buffers) => {
    const {driver, queue} = setUp();
    queue.add(...buffers);
    driver.notify(0);
    expect([driver.needsReset, driver.faults[0]?.fault]).toEqual([true, 'request-malformed']);
  });
});
