import {describe, expect, it} from 'vitest';
import type {ActiveDriver, DeviceHost} from '../../../src/paravirt/device.js';
import {QUEUE_COUNT_MAX, type VirtioDevice, type VirtioDeviceDescription} from '../../../src/paravirt/device.js';
import {VirtioMmio, virtioMmio} from '../../../src/paravirt/transport/mmio.js';
import {CELL, HOST_REQUEST} from '../../../src/paravirt/transport/mmio-layout.js';
import {FakeContext, MmioDriver, RING_FEATURE} from '../../support/driver-mmio.js';

/** A device that answers every chain with the bytes it was given, and remembers what it was told. */
class EchoDevice implements VirtioDevice {
  readonly description: VirtioDeviceDescription = {
    name: 'echo',
    deviceId: 42,
    features: [0, 5, 33],
    queueSizes: [64, 16],
    config: Uint8Array.of(1, 2, 3, 4, 5, 6, 7),
  };
  readonly events: string[] = [];
  host: DeviceHost | undefined;
  driver: ActiveDriver | undefined;
  pendingReset: Promise<void> | undefined;

  attach(host: DeviceHost): void {
    this.host = host;
  }

  activate(driver: ActiveDriver): void {
    this.driver = driver;
    this.events.push('activate');
  }

  notified(index: number): void {
    this.events.push(`notified ${index}`);
    const queue = this.driver?.queues[index];
    for (let chain = queue?.pop(); chain !== undefined; chain = queue?.pop()) {
      chain.writer.write(chain.reader.copy(100));
      queue?.push(chain);
    }
    queue?.publish();
  }

  reset(): Promise<void> | undefined {
    this.driver = undefined;
    this.events.push('reset');
    return this.pendingReset;
  }

  drain(): Promise<void> | undefined {
    this.events.push('drain');
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.events.push('dispose');
  }
}

const DRIVER_OK = 15;

describe('a virtio-mmio device', () => {
  it('says what it is', () => {
    const driver = new MmioDriver(new EchoDevice());
    expect(driver.read(0x000)).toBe(0x74726976);
    expect(driver.read(0x004)).toBe(2);
    expect(driver.read(0x008)).toBe(42);
    expect(driver.offered).toEqual([0, 5, 28, 29, 32, 33]);
    driver.write(0x014, 2);
    expect(driver.read(0x010)).toBe(0);
    const sizes = [0, 1, 2, 0xffff_ffff].map((index) => {
      driver.write(0x030, index);
      return driver.read(0x034);
    });
    expect(sizes).toEqual([64, 16, 0, 0]);
  });

  it('shows its configuration in every width and zeros behind it', () => {
    const driver = new MmioDriver(new EchoDevice());
    expect(driver.config(0, 4)).toBe(0x04030201);
    expect(driver.config(4, 2)).toBe(0x0605);
    expect(driver.config(6, 1)).toBe(7);
    expect(driver.config(4, 4)).toBe(0x00070605);
    expect(driver.config(8, 4)).toBe(0);
    expect(driver.config(0xefc, 4)).toBe(0);
  });

  it('carries requests from a driver and interrupts from the device', () => {
    const device = new EchoDevice();
    const driver = new MmioDriver(device).start();
    const queue = driver.queues[1]!;
    queue.add({read: Uint8Array.of(7, 8)}, {write: 4});
    driver.notify(1);
    expect(driver.context.irq.isAsserted).toBe(true);
    expect(driver.takeInterrupt()).toBe(1);
    expect(driver.context.irq.isAsserted).toBe(false);
    expect(queue.takeUsed()!.written).toEqual(Uint8Array.of(7, 8, 0, 0));
  });

  it('looks at every queue once when the driver gets ready', () => {
    const device = new EchoDevice();
    new MmioDriver(device).start();
    expect(device.events).toEqual(['activate', 'notified 0', 'notified 1']);
  });

  it.each([
    ['a feature nobody offered', [1, 32]],
    ['an offered feature without VERSION_1', [0, 28]],
    ['a high feature nobody offered', [32, 34]],
  ])('refuses %s', (_name, features) => {
    const device = new EchoDevice();
    const driver = new MmioDriver(device);
    driver.write(0x070, 3);
    driver.negotiate(features);
    driver.write(0x070, 11);
    expect(driver.status).toBe(3);
    driver.write(0x070, DRIVER_OK);
    expect(driver.status & 4).toBe(0);
    expect(device.events).not.toContain('activate');
  });

  it('keeps the features that were agreed on', () => {
    const device = new EchoDevice();
    const driver = new MmioDriver(device).start([5, RING_FEATURE.VERSION_1]);
    driver.negotiate([0, 28, 29, 32]);
    expect([0, 5, 28, 32].map((bit) => device.driver!.hasFeature(bit))).toEqual([false, true, false, true]);
  });

  it('keeps the addresses of a queue that is in use', () => {
    const driver = new MmioDriver(new EchoDevice()).start();
    driver.write(0x030, 0);
    expect(driver.read(0x044)).toBe(1);
    driver.writeQueueRegisters({size: 3, descriptors: 1, avail: 1, used: 1});
    driver.queues[0]!.add({read: Uint8Array.of(1)}, {write: 1});
    driver.notify(0);
    expect(driver.queues[0]!.takeUsed()!.written).toEqual(Uint8Array.of(1));
  });

  it('a queue that was taken back is not touched any more', () => {
    const device = new EchoDevice();
    const driver = new MmioDriver(device).start();
    driver.write(0x030, 0);
    driver.write(0x044, 0);
    expect(device.events).toContain('drain');
    driver.queues[0]!.add({read: Uint8Array.of(1)}, {write: 1});
    driver.notify(0);
    expect(driver.queues[0]!.takeUsed()).toBeUndefined();
    expect(driver.needsReset).toBe(false);
  });

  it('starts afresh after a reset', () => {
    const device = new EchoDevice();
    const driver = new MmioDriver(device).start();
    driver.queues[0]!.add({read: Uint8Array.of(1)}, {write: 1});
    driver.notify(0);
    driver.reset();
    expect([driver.status, driver.read(0x060), driver.context.irq.isAsserted]).toEqual([0, 0, false]);
    driver.write(0x030, 0);
    expect(driver.read(0x044)).toBe(0);
    driver.memory.all.fill(0);
    driver.start();
    driver.queues[0]!.add({read: Uint8Array.of(3)}, {write: 1});
    driver.notify(0);
    expect(driver.queues[0]!.takeUsed()!.written).toEqual(Uint8Array.of(3));
    expect(device.events.filter((event) => event === 'reset')).toHaveLength(1);
  });

  it('holds a reset until requests in flight are done', async () => {
    const device = new EchoDevice();
    const driver = new MmioDriver(device).start();
    let finish = (): void => {};
    device.pendingReset = new Promise((resolve) => {
      finish = resolve;
    });
    // What the hart's side does, without its wait: this test is the hart and the I/O thread in one.
    driver.context.cells[CELL.HOST_REQUEST] = HOST_REQUEST.RESET;
    driver.host.takeDoorbell();
    driver.host.takeDoorbell();
    expect(driver.context.cells[CELL.HOST_REQUEST]).toBe(HOST_REQUEST.RESET);
    finish();
    await device.pendingReset;
    await Promise.resolve();
    expect(driver.context.cells[CELL.HOST_REQUEST]).toBe(HOST_REQUEST.NONE);
    expect(device.events.filter((event) => event === 'reset')).toHaveLength(1);
  });

  it('asks for a reset when the guest breaks a rule, says so once, and works again after it', () => {
    const device = new EchoDevice();
    const driver = new MmioDriver(device).start();
    driver.takeInterrupt();
    driver.queues[0]!.jumpAvail(1000);
    driver.notify(0);
    expect(driver.needsReset).toBe(true);
    expect(driver.takeInterrupt()).toBe(2);
    expect(driver.faults).toEqual([{fault: 'avail-index-jump', queueIndex: 0, count: 1}]);
    driver.queues[1]!.add({read: Uint8Array.of(1)}, {write: 1});
    driver.notify(1);
    expect(driver.queues[1]!.takeUsed()).toBeUndefined();
    driver.write(0x070, DRIVER_OK);
    expect(driver.needsReset).toBe(true);
    driver.memory.all.fill(0);
    driver.start();
    driver.queues[1]!.add({read: Uint8Array.of(1)}, {write: 1});
    driver.notify(1);
    expect(driver.queues[1]!.takeUsed()).toBeDefined();
    expect(driver.host.counters.guestFaults).toBe(1);
  });

  it('asks for a reset when a queue cannot work', () => {
    const device = new EchoDevice();
    const driver = new MmioDriver(device);
    driver.write(0x070, 3);
    driver.negotiate([32]);
    driver.write(0x070, 11);
    driver.write(0x030, 0);
    driver.writeQueueRegisters({size: 8, descriptors: 0x1000, avail: 0x2000, used: 0x3000});
    driver.write(0x044, 1);
    driver.write(0x070, DRIVER_OK);
    expect(driver.needsReset).toBe(true);
    expect(driver.faults[0]!.fault).toBe('queue-outside-ram');
    expect(device.events).toEqual([]);
  });

  it('ignores notifications of queues that do not exist or are not set up', () => {
    const device = new EchoDevice();
    const driver = new MmioDriver(device);
    driver.notify(0);
    driver.start();
    const before = device.events.length;
    for (const index of [2, 31, 32, 33, 0xffff_ffff]) driver.notify(index);
    expect(device.events).toHaveLength(before);
  });

  it('changes its configuration in one piece and tells the driver', () => {
    const device = new EchoDevice();
    const driver = new MmioDriver(device).start();
    driver.takeInterrupt();
    const generation = driver.configGeneration;
    device.host!.writeConfig(1, Uint8Array.of(0xaa, 0xbb));
    expect(driver.config(0, 4)).toBe(0x04bbaa01);
    expect(driver.configGeneration).not.toBe(generation);
    expect(driver.configGeneration % 2).toBe(0);
    expect(driver.takeInterrupt()).toBe(2);
  });

  it('an interrupt that comes while another is acknowledged is not lost', () => {
    const driver = new MmioDriver(new EchoDevice()).start();
    driver.takeInterrupt();
    const set = driver.context.irq.set;
    // The host raises its interrupt just before the hart lowers the line.
    driver.context.irq.set = (isAsserted) => {
      if (!isAsserted) Atomics.or(driver.context.cells, CELL.INTERRUPT_STATUS, 1);
      set(isAsserted);
    };
    driver.write(0x064, 3);
    expect(driver.context.irq.isAsserted).toBe(true);
  });

  it('goes on where a saved machine stood', () => {
    const first = new MmioDriver(new EchoDevice()).start();
    first.queues[0]!.add({read: Uint8Array.of(1)}, {write: 1});
    first.notify(0);
    // A queue in use keeps its addresses in the saved state too.
    first.write(0x030, 0);
    first.writeQueueRegisters({size: 3, descriptors: 1, avail: 1, used: 1});
    const device = new EchoDevice();
    const second = new MmioDriver(device, first.memory);
    second.context.cells.set(first.context.cells);
    second.host.takeDoorbell();
    second.queues.push(...first.queues);
    second.queues[0]!.add({read: Uint8Array.of(2)}, {write: 1});
    second.notify(0);
    expect(second.queues[0]!.takeAllUsed().map((used) => used.written[0])).toEqual([1, 2]);
  });

  it('threads that build the device later do not undo a changed configuration', () => {
    const device = new EchoDevice();
    const driver = new MmioDriver(device);
    device.host!.writeConfig(0, Uint8Array.of(99));
    const hart = new VirtioMmio(driver.context, device.description);
    expect(hart.read(0x100, 1)).toBe(99);
  });

  it('a description with more than a transport can carry is a bug of ours', () => {
    const {description} = new EchoDevice();
    const context = new FakeContext(virtioMmio.stateBytes);
    const create = (change: Partial<VirtioDeviceDescription>) => () =>
      new VirtioMmio(context, {...description, ...change});
    expect(create({queueSizes: Array.from({length: QUEUE_COUNT_MAX + 1}, () => 2)})).toThrow(RangeError);
    expect(create({queueSizes: [2048]})).toThrow(RangeError);
    expect(create({queueSizes: [3]})).toThrow(RangeError);
    expect(create({config: new Uint8Array(257)})).toThrow(RangeError);
  });

  it('stands in the device tree as Linux looks for it', () => {
    const {description} = new EchoDevice();
    const placement = {address: 0x1000_2000, sizeBytes: 0x1000, irq: 2, interruptParent: 7, phandle: () => 7};
    expect(virtioMmio.nodes(placement, description)).toEqual([
      {
        name: 'virtio_mmio@10002000',
        properties: {
          compatible: {strings: ['virtio,mmio']},
          reg: {cells: [0, 0x1000_2000, 0, 0x1000]},
          interrupts: {cells: [2]},
          'interrupt-parent': {cells: [7]},
        },
      },
    ]);
  });

  it('ends its device when it ends', async () => {
    const device = new EchoDevice();
    const driver = new MmioDriver(device).start();
    await driver[Symbol.asyncDispose]();
    expect(device.events.slice(-2)).toEqual(['reset', 'dispose']);
  });
});
