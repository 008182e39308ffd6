import {describe, expect, it} from 'vitest';
import {CHAINS_PER_TURN, INPUT_LIMIT_BYTES, WRITE_BYTES_MAX} from '../../../src/paravirt/devices/console/port.js';
import {ConsoleDevice, type ConsoleOptions, consoleDevice} from '../../../src/paravirt/devices/console.js';
import type {ParavirtError} from '../../../src/paravirt/error.js';
import {MmioDriver} from '../../support/driver-mmio.js';

const EVENT_NAMES = ['ready', 'add', 'remove', 'port-ready', 'console', 'resize', 'open', 'name'];
const [DEVICE_READY, PORT_READY, PORT_OPEN] = [0, 3, 6];
const text = (string: string) => new TextEncoder().encode(string);
const string = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** A guest with a driver for the console: writes, reads, and the control conversation. */
function setUp(options: ConsoleOptions = {}) {
  const device = consoleDevice.create(options);
  const driver = new MmioDriver(device).start();
  const output: string[] = [];
  const events: string[] = [];
  for (const port of device.ports) {
    port.listen({
      output: (chunk) => output.push(`${port.name}: ${string(chunk)}`),
      drained: () => events.push(`${port.name} drained`),
      guestOpenChanged: (isOpen) => events.push(`${port.name} ${isOpen ? 'opened' : 'closed'}`),
    });
  }
  const write = (queue: number, content: string) => {
    driver.queues[queue]!.add({read: text(content)});
    driver.notify(queue);
  };
  const offer = (queue: number, ...sizes: number[]) => {
    for (const size of sizes) driver.queues[queue]!.add({write: size});
    driver.notify(queue);
  };
  const received = (queue: number) =>
    driver.queues[queue]!.takeAllUsed().map(({written, length}) => string(written.subarray(0, length)));
  const control = (port: number, event: number, value = 1) => {
    const bytes = new Uint8Array(8);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, port, true);
    view.setUint16(4, event, true);
    view.setUint16(6, value, true);
    driver.queues[3]!.add({read: bytes});
    driver.notify(3);
    driver.queues[3]!.takeAllUsed();
  };
  /** Control messages that came, readable: `port event value payload`. */
  const told = () =>
    driver.queues[2]!.takeAllUsed().map(({written, length}) => {
      const view = new DataView(written.buffer, 0, length);
      const event = EVENT_NAMES[view.getUint16(4, true)]!;
      const payload = written.subarray(8, length);
      const tail = event === 'name' ? ` ${string(payload)}` : event === 'resize' ? ` ${payload[0]}x${payload[2]}` : '';
      return `${view.getUint32(0, true)} ${event} ${view.getUint16(6, true)}${tail}`;
    });
  return {device, driver, output, events, write, offer, received, control, told};
}

describe('a plain console', () => {
  it('has a size, two queues and no multiport', () => {
    const {driver} = setUp({columns: 120, rows: 35});
    expect(driver.offered).toEqual([0, 28, 29, 32]);
    expect(driver.queues).toHaveLength(2);
    expect([driver.config(0, 2), driver.config(2, 2)]).toEqual([120, 35]);
  });

  it('carries output and input', () => {
    const {device, output, write, offer, received, events} = setUp();
    write(1, 'hello ');
    write(1, 'host');
    expect(output).toEqual(['console: hello ', 'console: host']);
    offer(0, 4, 4, 4);
    expect(device.port('console')!.write(text('typed'))).toBe(5);
    expect(received(0)).toEqual(['type', 'd']);
    expect(events).toEqual([]);
    expect(device.port('console')!.isGuestOpen).toBe(true);
  });

  it('keeps input that was typed before the guest reads', () => {
    const {device, offer, received} = setUp();
    device.port('console')!.write(text('early'));
    offer(0, 64);
    expect(received(0)).toEqual(['early']);
  });

  it('knows whether the guest has written, through a snapshot, until the driver goes', () => {
    const {device, driver, write} = setUp();
    const [console] = device.ports;
    expect(console).toMatchObject({isGuestOpen: true, hasOutput: false});
    write(1, 'login: ');
    expect(console!.hasOutput).toBe(true);
    const restored = setUp().device;
    restored.restore(device.save());
    expect(restored.ports[0]!.hasOutput).toBe(true);
    // One from before this was kept: a guest that had the port open was at it.
    restored.restore(device.save().replace('"hasOutput":true,', ''));
    expect(restored.ports[0]!.hasOutput).toBe(true);
    driver.reset();
    expect(console!.hasOutput).toBe(false);
  });

  it('follows a new size, with an interrupt, and only if it is new', () => {
    const {device, driver} = setUp();
    driver.takeInterrupt();
    device.resize(100, 50);
    expect([driver.takeInterrupt(), driver.config(0, 2), driver.config(2, 2)]).toEqual([2, 100, 50]);
    device.resize(100, 50);
    expect(driver.takeInterrupt()).toBe(0);
    device.resize(-5, 1e9);
    expect([driver.config(0, 2), driver.config(2, 2)]).toEqual([1, 65535]);
  });

  it('has the size it was given before the guest came up', () => {
    const device = new ConsoleDevice();
    device.resize(33, 11);
    const driver = new MmioDriver(device).start();
    expect([driver.config(0, 2), driver.config(2, 2)]).toEqual([33, 11]);
  });

  it('leaves output with the guest while paused and drops none of it', () => {
    const {device, driver, output, write} = setUp();
    const port = device.port('console')!;
    port.pauseOutput();
    write(1, 'one');
    write(1, 'two');
    expect([output, driver.queues[1]!.usedIndex]).toEqual([[], 0]);
    port.resumeOutput();
    expect(output).toEqual(['console: one', 'console: two']);
  });

  it('stops in the middle when its listener pauses it', () => {
    const {device, driver, write} = setUp();
    const port = device.port('console')!;
    const chunks: string[] = [];
    port.listen({
      output: (chunk) => {
        chunks.push(string(chunk));
        port.pauseOutput();
      },
    });
    driver.queues[1]!.add({read: text('a')});
    write(1, 'b');
    expect(chunks).toEqual(['a']);
    port.resumeOutput();
    expect(chunks).toEqual(['a', 'b']);
  });

  it('hands over chunks that the guest cannot change any more', () => {
    const {device, driver, write} = setUp();
    const chunks: Uint8Array[] = [];
    device.port('console')!.listen({output: (chunk) => chunks.push(chunk)});
    write(1, 'safe');
    driver.memory.all.fill(0);
    expect(string(chunks[0]!)).toBe('safe');
  });

  it('never blocks a guest nobody listens to', () => {
    const {device, driver, write} = setUp();
    device.port('console')!.listen(undefined);
    write(1, 'lost');
    expect(driver.queues[1]!.usedIndex).toBe(1);
  });

  it('takes input up to its bound, not one byte more, and says when there is room', () => {
    const {device, driver, events, offer} = setUp();
    const port = device.port('console')!;
    expect(port.write(new Uint8Array(INPUT_LIMIT_BYTES + 1))).toBe(INPUT_LIMIT_BYTES);
    expect(port.write(text('x'))).toBe(0);
    expect(events).toEqual([]);
    offer(0, 10);
    expect(events).toEqual(['console drained']);
    expect(port.write(new Uint8Array(11))).toBe(10);
    expect(driver.needsReset).toBe(false);
  });

  it('uses the room a guest makes during a write at once, so that no byte is offered twice', () => {
    const {device, events, offer, received} = setUp();
    const port = device.port('console')!;
    offer(0, 100, 100);
    const bytes = Uint8Array.from({length: INPUT_LIMIT_BYTES + 300}, (_, index) => index % 251);
    expect(port.write(bytes)).toBe(INPUT_LIMIT_BYTES + 200);
    expect(events).toEqual([]);
    expect(received(0)).toEqual([string(bytes.subarray(0, 100)), string(bytes.subarray(100, 200))]);
    offer(0, 1);
    expect(events).toEqual(['console drained']);
  });

  it('refuses one byte more in a chain than a write may have', () => {
    const {driver, output} = setUp();
    const queue = driver.queues[1]!;
    const address = driver.memory.baseAddress + (1 << 20);
    queue.writeDescriptor(queue.descriptors, 0, {address, length: WRITE_BYTES_MAX});
    queue.publish(0);
    driver.notify(1);
    expect([output.length, driver.needsReset]).toEqual([1, false]);
    queue.writeDescriptor(queue.descriptors, 0, {address, length: WRITE_BYTES_MAX + 1});
    queue.publish(0);
    driver.notify(1);
    expect([output.length, driver.needsReset, driver.faults[0]!.fault]).toEqual([1, true, 'request-too-large']);
  });

  it('lets others have their turn when the guest prints without end', async () => {
    const {device, driver} = setUp();
    const queue = driver.queues[1]!;
    queue.writeDescriptor(queue.descriptors, 0, {address: driver.memory.baseAddress, length: 1});
    let chunks = 0;
    device.port('console')!.listen({output: () => ++chunks < 3 * CHAINS_PER_TURN && queue.publish(0)});
    queue.publish(0);
    driver.notify(1);
    expect(chunks).toBe(CHAINS_PER_TURN);
    await new Promise(setImmediate);
    expect(chunks).toBe(2 * CHAINS_PER_TURN);
    await driver[Symbol.asyncDispose]();
  });

  it('counts as closed while the guest is in reset', () => {
    const {device, driver, events} = setUp();
    driver.reset();
    expect([events, device.port('console')!.isGuestOpen]).toEqual([['console closed'], false]);
  });
});

describe('a console with named ports', () => {
  const options = {columns: 90, rows: 30, ports: ['org.test.agent']};

  it('introduces its ports as the guest asks', () => {
    const {driver, device, offer, control, told} = setUp(options);
    expect(driver.offered).toEqual([0, 1, 28, 29, 32]);
    expect([driver.queues.length, driver.config(4, 4)]).toEqual([6, 2]);
    offer(2, ...Array.from({length: 10}, () => 64));
    expect(told()).toEqual([]);
    control(0xffff_ffff, DEVICE_READY);
    expect(told()).toEqual(['0 add 1', '1 add 1']);
    control(0, PORT_READY);
    expect(told()).toEqual(['0 console 1', '0 open 1', '0 resize 0 90x30']);
    control(1, PORT_READY);
    expect(told()).toEqual(['1 name 1 org.test.agent']);
    device.port('org.test.agent')!.setHostOpen(true);
    expect(told()).toEqual(['1 open 1']);
    device.resize(91, 31);
    expect(told()).toEqual(['0 resize 0 91x31']);
  });

  it('can put rows first for older kernels', () => {
    const {offer, control, told} = setUp({...options, resizeOrder: 'rows-first'});
    offer(2, 64, 64, 64, 64, 64);
    control(0, PORT_READY);
    expect(told().at(-1)).toBe('0 resize 0 30x90');
  });

  it('carries data of a named port once the guest has opened it', () => {
    const {device, events, output, write, offer, received, control} = setUp(options);
    const port = device.port('org.test.agent')!;
    port.write(text('question'));
    offer(4, 64);
    expect(received(4)).toEqual([]);
    control(1, PORT_OPEN);
    expect([received(4), events]).toEqual([['question'], ['org.test.agent opened']]);
    write(5, 'answer');
    expect(output).toEqual(['org.test.agent: answer']);
  });

  it('tells of a close only after all output before it', () => {
    const {device, events, output, write, control} = setUp(options);
    const port = device.port('org.test.agent')!;
    control(1, PORT_OPEN);
    port.pauseOutput();
    write(5, 'last words');
    control(1, PORT_OPEN, 0);
    expect(events).toEqual(['org.test.agent opened']);
    port.resumeOutput();
    expect([output, events.at(-1)]).toEqual([['org.test.agent: last words'], 'org.test.agent closed']);
  });

  it('closes its own end only after all input before it', () => {
    const {device, offer, received, control, told} = setUp(options);
    const port = device.port('org.test.agent')!;
    offer(2, 64, 64, 64, 64);
    control(1, PORT_READY);
    port.setHostOpen(true);
    control(1, PORT_OPEN);
    port.write(text('stdin'));
    port.setHostOpen(false);
    expect(port.write(text('late'))).toBe(0);
    expect(told().filter((message) => message.includes('open'))).toEqual(['1 open 1']);
    offer(4, 64);
    expect(received(4)).toEqual(['stdin']);
    expect(told()).toEqual(['1 open 0']);
  });

  it('does not give a new program the input of the one before', () => {
    const {device, offer, received, control} = setUp(options);
    control(1, PORT_OPEN);
    device.port('org.test.agent')!.write(text('old'));
    control(1, PORT_OPEN, 0);
    control(1, PORT_OPEN);
    offer(4, 64);
    expect(received(4)).toEqual([]);
  });

  it('remembers what to say while the guest offers no buffers, once each', () => {
    const {offer, control, told} = setUp(options);
    for (let index = 0; index < 1000; index++) {
      control(0, DEVICE_READY);
      control(1, PORT_READY);
    }
    offer(2, ...Array.from({length: 12}, () => 64));
    expect(told()).toEqual(['0 add 1', '1 add 1', '1 name 1 org.test.agent']);
  });

  it('ignores ports and events that do not exist', () => {
    const {driver, control, events} = setUp(options);
    for (const [port, event] of [
      [2, PORT_OPEN],
      [0xffff_ffff, PORT_READY],
      [0, 99],
      [1, 1],
    ] as const)
      control(port, event);
    expect([driver.needsReset, events]).toEqual([false, []]);
  });

  it('a control message that is too short breaks the rules', () => {
    const {driver, write} = setUp(options);
    write(3, 'short!!');
    expect([driver.needsReset, driver.faults[0]!.fault]).toEqual([true, 'request-malformed']);
  });

  it('without a console has named ports only, from number 0', () => {
    const {device, driver, offer, control, told} = setUp({hasConsole: false, ports: ['a', 'b']});
    expect(driver.offered).toEqual([1, 28, 29, 32]);
    offer(2, 64, 64, 64, 64);
    control(0, PORT_READY);
    expect(told()).toEqual(['0 name 1 a']);
    device.resize(10, 10);
    expect(device.port('console')).toBeUndefined();
  });

  it('a driver that does not know multiport still has its console', () => {
    const device = new ConsoleDevice(options);
    const driver = new MmioDriver(device).start([32]);
    const output: string[] = [];
    device.port('console')!.listen({output: (chunk) => output.push(string(chunk))});
    driver.queues[1]!.add({read: text('early')});
    driver.notify(1);
    expect(output).toEqual(['early']);
  });
});

describe('options that make no console', () => {
  it.each([
    ['one port more than queues are enough for', {ports: ['a', 'b', 'c', 'd', 'e', 'f', 'g']}],
    ['no port at all', {hasConsole: false}],
    ['a name twice', {ports: ['a', 'a']}],
    ['the console’s name', {ports: ['console']}],
    ['a name with a slash', {ports: ['../etc']}],
    ['an empty name', {ports: ['']}],
    ['a name that is too long', {ports: ['x'.repeat(65)]}],
  ] satisfies [string, ConsoleOptions][])('%s', (_name, options) => {
    let error: unknown;
    try {
      new ConsoleDevice(options);
    } catch (thrown) {
      error = thrown;
    }
    expect((error as ParavirtError).code).toBe('bad-option');
  });
});
