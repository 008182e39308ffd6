import {describe, expect, it} from 'vitest';
import type {GuestFault} from '../../../src/paravirt/virtqueue/guest-fault.js';
import {CURSOR_CELLS, SplitQueue} from '../../../src/paravirt/virtqueue/split-queue.js';
import {DriverQueue, type RawDescriptor} from '../../support/driver-queue.js';
import {FakeMemory} from '../../support/fake-memory.js';

const BASE = 0x8000_0000;
const NEXT = 1;
const WRITE = 2;
const INDIRECT = 4;

interface Setup {
  size?: number;
  hasIndirect?: boolean;
  hasEventIndex?: boolean;
  cursor?: Int32Array;
  startIndex?: number;
}

function setUp({
  size = 8,
  hasIndirect = true,
  hasEventIndex = true,
  startIndex = 0,
  cursor = Int32Array.of(startIndex, startIndex, 0),
}: Setup = {}) {
  const memory = new FakeMemory();
  const driver = new DriverQueue(memory, {size, address: BASE + 0x1000, startIndex});
  const faults: GuestFault[] = [];
  const counts = {interrupts: 0};
  const queue = SplitQueue.create(driver.addresses, 1024, {
    memory,
    cursor,
    hasIndirect,
    hasEventIndex,
    isHeld: () => false,
    interrupt: () => counts.interrupts++,
    faulted: (fault) => faults.push(fault),
  });
  if (typeof queue === 'string') throw new Error(queue);
  return {memory, driver, queue, faults, counts};
}

const bytes = (...values: number[]) => Uint8Array.from(values);

describe('a split queue', () => {
  it('hands over what the driver wrote and gives back what the device wrote', () => {
    const {driver, queue} = setUp();
    driver.add({read: bytes(1, 2, 3)}, {read: bytes(4)}, {write: 2}, {write: 4});
    const chain = queue.pop()!;
    expect([...chain.reader.copy(100)]).toEqual([1, 2, 3, 4]);
    expect(chain.writer.totalBytes).toBe(6);
    expect(chain.writer.write(bytes(9, 8, 7))).toBe(3);
    queue.complete(chain);
    expect(driver.takeUsed()).toEqual({head: chain.head, length: 3, written: bytes(9, 8, 7, 0, 0, 0)});
  });

  it('marks exactly the written buffers and ring entries as written', () => {
    const {memory, driver, queue} = setUp();
    driver.add({write: 2}, {write: 4});
    const chain = queue.pop()!;
    const first = driver.allocate(0);
    memory.written.length = 0;
    chain.writer.write(bytes(1, 2, 3));
    queue.complete(chain);
    expect(memory.written).toEqual([
      {address: first - 32, length: 2},
      {address: first - 16, length: 1},
      {address: driver.used + 4, length: 8},
      {address: driver.used + 2, length: 2},
    ]);
  });

  it('reads an indirect table as if it were the chain', () => {
    const {driver, queue} = setUp();
    driver.addIndirect({read: bytes(5, 6)}, {write: 3});
    const chain = queue.pop()!;
    expect([...chain.reader.copy(9)]).toEqual([5, 6]);
    expect(chain.writer.totalBytes).toBe(3);
  });

  it('takes an indirect table as long as the queue, behind direct descriptors too', () => {
    const {driver, queue, faults} = setUp({size: 4});
    driver.addIndirect({read: bytes(1)}, {read: bytes(2)}, {read: bytes(3)}, {read: bytes(4)});
    expect([...queue.pop()!.reader.copy(9)]).toEqual([1, 2, 3, 4]);
    const table = driver.allocate(16);
    const buffer = driver.allocate(16);
    driver.writeDescriptor(table, 0, {address: buffer, length: 1});
    driver.writeDescriptor(driver.descriptors, 2, {address: buffer, length: 1, flags: NEXT, next: 3});
    driver.writeDescriptor(driver.descriptors, 3, {address: table, length: 16, flags: INDIRECT});
    driver.publish(2);
    expect(queue.pop()!.reader.totalBytes).toBe(2);
    expect(faults).toEqual([]);
  });

  it('goes round its ring and round 2^16', () => {
    const {driver, queue} = setUp({size: 4, startIndex: 0xfff0});
    for (let round = 0; round < 64; round++) {
      driver.add({read: bytes(round & 0xff)}, {write: 1});
      const chain = queue.pop()!;
      chain.writer.write(chain.reader.copy(1));
      queue.complete(chain);
      expect(driver.takeUsed()!.written[0]).toBe(round & 0xff);
      driver.rewind();
    }
  });

  it('goes on where its cursor stands', () => {
    const cursor = new Int32Array(CURSOR_CELLS);
    const {driver, queue, memory} = setUp({cursor});
    driver.add({read: bytes(1)});
    driver.add({read: bytes(2)});
    queue.complete(queue.pop()!);
    const restored = SplitQueue.create(driver.addresses, 1024, {
      memory,
      cursor,
      hasIndirect: true,
      hasEventIndex: true,
      isHeld: () => false,
      interrupt: () => {},
      faulted: () => {},
    });
    if (typeof restored === 'string') throw new Error(restored);
    const chain = restored.pop()!;
    expect([...chain.reader.copy(1)]).toEqual([2]);
    restored.complete(chain);
    expect(driver.takeAllUsed().map((used) => used.head)).toEqual([0, 1]);
  });

  it('asks to be notified of the next chain when it has taken all', () => {
    const {driver, queue} = setUp();
    driver.add({read: bytes(1)});
    driver.add({read: bytes(1)});
    while (queue.pop() !== undefined);
    expect(driver.availEvent).toBe(2);
  });

  it('interrupts once per batch, and with EVENT_IDX only past the index the driver named', () => {
    const {driver, queue, counts} = setUp();
    const use = () => {
      driver.add({read: bytes(1)});
      queue.complete(queue.pop()!);
    };
    driver.setUsedEvent(0);
    use();
    expect(counts.interrupts).toBe(1);
    driver.setUsedEvent(2);
    use();
    expect(counts.interrupts).toBe(1);
    use();
    expect(counts.interrupts).toBe(2);
    use();
    expect(counts.interrupts).toBe(2);
  });

  it('interrupts for the very next chain when the driver asks for that', () => {
    const {driver, queue, counts} = setUp();
    for (let used = 0; used < 5; used++) {
      driver.setUsedEvent(used);
      driver.add({read: bytes(1)});
      queue.complete(queue.pop()!);
      expect(counts.interrupts).toBe(used + 1);
    }
  });

  it('interrupts again after 2^16 chains for which the driver wanted none', () => {
    const {driver, queue, counts} = setUp();
    const use = () => {
      driver.add({read: new Uint8Array(0)});
      queue.complete(queue.pop()!);
      driver.takeUsed();
    };
    use();
    driver.setUsedEvent(0xffff);
    for (let index = 0; index < 0xffff - 1; index++) use();
    expect(counts.interrupts).toBe(1);
    driver.setUsedEvent(0);
    use();
    driver.setUsedEvent(0);
    use();
    expect(counts.interrupts).toBe(2);
  });

  it('without EVENT_IDX leaves the driver alone while it says so', () => {
    const {driver, queue, counts} = setUp({hasEventIndex: false});
    driver.setAvailFlags(1);
    driver.add({read: bytes(1)});
    queue.complete(queue.pop()!);
    expect(counts.interrupts).toBe(0);
    driver.setAvailFlags(0);
    driver.add({read: bytes(1)});
    queue.complete(queue.pop()!);
    expect(counts.interrupts).toBe(1);
  });
});

describe('a queue that cannot work is refused', () => {
  const addresses = {size: 8, descriptors: BASE, avail: BASE + 0x100, used: BASE + 0x200};
  const create = (change: Partial<typeof addresses>) => {
    const memory = new FakeMemory();
    return SplitQueue.create({...addresses, ...change}, 16, {
      memory,
      cursor: new Int32Array(CURSOR_CELLS),
      hasIndirect: false,
      hasEventIndex: false,
      isHeld: () => false,
      interrupt: () => {},
      faulted: () => {},
    });
  };
  const end = BASE + (1 << 20);

  it.each([
    ['size 0', {size: 0}, 'queue-size'],
    ['a size that is no power of two', {size: 12}, 'queue-size'],
    ['one more than allowed', {size: 32}, 'queue-size'],
    ['a crooked table', {descriptors: BASE + 8}, 'queue-alignment'],
    ['an odd avail ring', {avail: BASE + 0x101}, 'queue-alignment'],
    ['a crooked used ring', {used: BASE + 0x202}, 'queue-alignment'],
    ['a table that ends behind RAM', {descriptors: end - 112}, 'queue-outside-ram'],
    ['an avail ring before RAM', {avail: BASE - 2}, 'queue-outside-ram'],
    ['a used ring at the end of the address space', {used: 2 ** 64 - 4096}, 'queue-outside-ram'],
  ] as const)('%s', (_name, change, fault) => {
    expect(create(change)).toBe(fault);
  });

  it('but one that just fits is taken', () => {
    expect(create({descriptors: end - 128})).toBeInstanceOf(SplitQueue);
  });
});

describe('a hostile chain breaks its queue and nothing else', () => {
  const at = BASE + 0x8000;
  const cases: [name: string, fault: GuestFault, descriptors: RawDescriptor[], head?: number][] = [
    ['a loop', 'chain-too-long', [{address: at, length: 1, flags: NEXT, next: 0}]],
    [
      'a loop of two',
      'chain-too-long',
      [
        {address: at, length: 1, flags: NEXT, next: 1},
        {address: at, length: 1, flags: NEXT, next: 0},
      ],
    ],
    ['a head beyond the table', 'descriptor-index', [], 8],
    ['a next beyond the table', 'descriptor-index', [{address: at, length: 1, flags: NEXT, next: 8}]],
    ['an address past RAM', 'buffer-outside-ram', [{address: BASE + (1 << 20), length: 1}]],
    ['an address before RAM', 'buffer-outside-ram', [{address: BASE - 1, length: 1}]],
    ['an address near 2^64', 'buffer-outside-ram', [{address: 0xffff_ffff_ffff_fff0n, length: 32}]],
    ['a huge length', 'buffer-outside-ram', [{address: at, length: 0xffff_ffff}]],
    ['a length one too long', 'buffer-outside-ram', [{address: at, length: (1 << 20) - 0x8000 + 1}]],
    [
      'a buffer to read after one to write',
      'write-before-read',
      [
        {address: at, length: 1, flags: NEXT | WRITE, next: 1},
        {address: at, length: 1},
      ],
    ],
    [
      'an indirect table with a next',
      'indirect-with-next',
      [{address: at, length: 16, flags: INDIRECT | NEXT, next: 1}],
    ],
    ['an indirect table of odd size', 'indirect-table-size', [{address: at, length: 17, flags: INDIRECT}]],
    ['an empty indirect table', 'indirect-table-size', [{address: at, length: 0, flags: INDIRECT}]],
    [
      'an indirect table longer than the queue',
      'indirect-table-size',
      [{address: at, length: 9 * 16, flags: INDIRECT}],
    ],
    [
      'an indirect table past RAM',
      'indirect-outside-ram',
      [{address: BASE + (1 << 20) - 8, length: 16, flags: INDIRECT}],
    ],
  ];

  it.each(cases)('%s', (_name, fault, descriptors, head = 0) => {
    const {memory, driver, queue, faults} = setUp();
    for (const [index, descriptor] of descriptors.entries())
      driver.writeDescriptor(driver.descriptors, index, descriptor);
    driver.publish(head);
    expect(queue.pop()).toBeUndefined();
    expect(faults).toEqual([fault]);
    expect(queue.isBroken).toBe(true);
    expect(queue.pop()).toBeUndefined();
    expect(faults).toHaveLength(1);
    expect(memory.isGuardIntact).toBe(true);
  });

  it('a table inside a table', () => {
    const {driver, queue, faults} = setUp();
    driver.writeDescriptor(at, 0, {address: at, length: 16, flags: INDIRECT});
    driver.writeDescriptor(driver.descriptors, 0, {address: at, length: 16, flags: INDIRECT});
    driver.publish(0);
    expect(queue.pop()).toBeUndefined();
    expect(faults).toEqual(['indirect-nested']);
  });

  it('a table behind another entry of a table', () => {
    const {driver, queue, faults} = setUp();
    driver.writeDescriptor(at, 0, {address: at, length: 1, flags: NEXT, next: 1});
    driver.writeDescriptor(at, 1, {address: at + 64, length: 16, flags: INDIRECT});
    driver.writeDescriptor(at + 64, 0, {address: at, length: 1});
    driver.writeDescriptor(driver.descriptors, 0, {address: at, length: 32, flags: INDIRECT});
    driver.publish(0);
    expect(queue.pop()).toBeUndefined();
    expect(faults).toEqual(['indirect-nested']);
  });

  it('a loop inside a table', () => {
    const {driver, queue, faults} = setUp();
    driver.writeDescriptor(at, 0, {address: at, length: 1, flags: NEXT, next: 0});
    driver.writeDescriptor(driver.descriptors, 0, {address: at, length: 16, flags: INDIRECT});
    driver.publish(0);
    expect(queue.pop()).toBeUndefined();
    expect(faults).toEqual(['chain-too-long']);
  });

  it('an indirect table that was not negotiated', () => {
    const {driver, queue, faults} = setUp({hasIndirect: false});
    driver.addIndirect({read: bytes(1)});
    expect(queue.pop()).toBeUndefined();
    expect(faults).toEqual(['indirect-not-negotiated']);
  });

  it('an avail index that jumps by one more than the queue has', () => {
    const {driver, queue, faults} = setUp();
    driver.jumpAvail(9);
    expect(queue.pop()).toBeUndefined();
    expect(faults).toEqual(['avail-index-jump']);
  });

  it('one more chain in flight than the queue has', () => {
    const {driver, queue, faults} = setUp({size: 2});
    driver.writeDescriptor(driver.descriptors, 0, {address: at, length: 1});
    for (let index = 0; index < 2; index++) {
      driver.publish(0);
      expect(queue.pop()).toBeDefined();
    }
    driver.publish(0);
    expect(queue.pop()).toBeUndefined();
    expect(faults).toEqual(['too-many-in-flight']);
  });

  it('one byte more in all buffers than a chain may have', () => {
    // 2^30 bytes of RAM, named four times: 2^32 bytes where 2^32 - 1 are allowed.
    const memory = Object.assign(new FakeMemory(1 << 16), {contains: () => true});
    const driver = new DriverQueue(memory, {size: 4, address: BASE});
    const faults: GuestFault[] = [];
    const queue = SplitQueue.create(driver.addresses, 4, {
      memory: Object.assign(memory, {bytes: () => new Uint8Array(new SharedArrayBuffer(1))}),
      cursor: new Int32Array(CURSOR_CELLS),
      hasIndirect: false,
      hasEventIndex: false,
      isHeld: () => false,
      interrupt: () => {},
      faulted: (fault) => faults.push(fault),
    });
    if (typeof queue === 'string') throw new Error(queue);
    for (let index = 0; index < 4; index++) {
      const flags = index < 3 ? NEXT : 0;
      driver.writeDescriptor(driver.descriptors, index, {address: BASE, length: 2 ** 30, flags, next: index + 1});
    }
    driver.publish(0);
    expect(queue.pop()).toBeUndefined();
    expect(faults).toEqual(['chain-too-large']);
  });

  it('buffers of length zero are fine and carry nothing', () => {
    const {driver, queue, faults} = setUp();
    driver.writeDescriptor(driver.descriptors, 0, {address: at, length: 0, flags: NEXT, next: 1});
    driver.writeDescriptor(driver.descriptors, 1, {address: at, length: 0, flags: WRITE});
    driver.publish(0);
    const chain = queue.pop()!;
    expect(chain.reader.totalBytes + chain.writer.totalBytes).toBe(0);
    expect(chain.writer.write(bytes(1))).toBe(0);
    queue.complete(chain);
    expect(faults).toEqual([]);
  });

  it('a chain that changes after it was taken changes nothing', () => {
    const {driver, queue, memory} = setUp();
    driver.add({read: bytes(1, 2)}, {write: 2});
    const chain = queue.pop()!;
    driver.writeDescriptor(driver.descriptors, 0, {address: BASE - 4096, length: 0xffff_ffff, flags: NEXT, next: 0});
    driver.writeDescriptor(driver.descriptors, 1, {address: BASE - 4096, length: 4096, flags: WRITE});
    expect([...chain.reader.copy(100)]).toEqual([1, 2]);
    expect(chain.writer.write(new Uint8Array(100))).toBe(2);
    expect(memory.isGuardIntact).toBe(true);
  });
});
