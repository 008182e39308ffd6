/**
 * A virtio console: a terminal (hvc0) whose size the guest follows, named byte streams (/dev/virtio-ports/NAME), or both.
 *
 * Without named ports there is no MULTIPORT and the size travels in the configuration space. With them it travels in
 * RESIZE control messages, in which Linux before 6.15 (and the stable kernels that did not take commit 5326ab737a47)
 * expects rows before columns, against the spec. A machine that wants both a console for any kernel and named ports
 * therefore gets two devices: one plain console, one with `hasConsole: false` and the ports.
 *
 * Source: virtio 1.2 §5.3
 */
import type {CharPort} from '../char/contract.js';
import type {ActiveDriver, DeviceHost, VirtioDevice, VirtioDeviceDescription, VirtioDeviceKind} from '../device.js';
import {ParavirtError} from '../error.js';
import {PortControl} from './console/control.js';
import {
  CONFIG_BYTES,
  CONTROL_RECEIVE_QUEUE,
  CONTROL_TRANSMIT_QUEUE,
  FEATURE,
  PORTS_MAX,
  receiveQueue,
  transmitQueue,
  u16Pair,
} from './console/layout.js';
import {ConsolePort} from './console/port.js';
import {readSavedPorts} from './console/saved-port.js';

const QUEUE_SIZE = 64;
/** Bytes of a port's name. */
export const PORT_NAME_BYTES_MAX = 64;

/** What a console is made of. */
export interface ConsoleOptions {
  /** Port 0 is a console (hvcN in the guest). True unless told. */
  readonly hasConsole?: boolean;
  /** Size of the console at power-on, 80 × 24 unless told. */
  readonly columns?: number;
  readonly rows?: number;
  /** Names of further ports, each a file under /dev/virtio-ports in the guest. */
  readonly ports?: readonly string[];
  /** What RESIZE messages carry first: `columns` as the spec says (unless told), or `rows` for older Linux. */
  readonly resizeOrder?: 'columns-first' | 'rows-first';
}

/** The console device. */
export class ConsoleDevice implements VirtioDevice {
  readonly description: VirtioDeviceDescription;
  /** In the order of the guest's port numbers: the console first, if there is one, then the named ports. */
  readonly ports: readonly CharPort[];
  readonly #ports: readonly ConsolePort[];
  readonly #control: PortControl;
  readonly #isMultiport: boolean;
  readonly #hasConsole: boolean;
  readonly #isColumnsFirst: boolean;
  #columns: number;
  #rows: number;
  #host: DeviceHost | undefined;

  /** Errors: `bad-option` for no port at all, too many, or a name no guest could show */
  constructor(options: ConsoleOptions = {}) {
    const {hasConsole = true, columns = 80, rows = 24, ports: names = [], resizeOrder = 'columns-first'} = options;
    checkNames(names, PORTS_MAX - (hasConsole ? 1 : 0), hasConsole);
    this.#hasConsole = hasConsole;
    this.#isMultiport = names.length > 0;
    this.#isColumnsFirst = resizeOrder === 'columns-first';
    this.#columns = clampSize(columns);
    this.#rows = clampSize(rows);
    this.#ports = [...(hasConsole ? ['console'] : []), ...names].map((name, id) => this.#createPort(name, id));
    this.ports = this.#ports;
    this.#control = new PortControl(this.#ports, () => this.#sizePayload());
    const config = new Uint8Array(CONFIG_BYTES);
    config.set(u16Pair(this.#columns, this.#rows));
    config[4] = this.#ports.length;
    const features: number[] = [];
    if (hasConsole) features.push(FEATURE.SIZE);
    if (this.#isMultiport) features.push(FEATURE.MULTIPORT);
    const queueCount = this.#isMultiport ? 2 + 2 * this.#ports.length : 2;
    this.description = {
      name: 'console',
      deviceId: 3,
      features,
      queueSizes: Array.from({length: queueCount}, () => QUEUE_SIZE),
      config,
    };
  }

  /** The named port, or undefined; the console is named `console`. */
  port(name: string): CharPort | undefined {
    return this.#ports.find((port) => port.name === name);
  }

  /** Tells the guest how large its terminal is, now or when it comes up. Sizes are cells, 1 to 65535. */
  resize(columns: number, rows: number): void {
    const isSame = clampSize(columns) === this.#columns && clampSize(rows) === this.#rows;
    if (!this.#hasConsole || isSame) return;
    this.#columns = clampSize(columns);
    this.#rows = clampSize(rows);
    this.#host?.writeConfig(0, u16Pair(this.#columns, this.#rows));
    this.#control.sizeChanged();
  }

  attach(host: DeviceHost): void {
    this.#host = host;
    // The size may have changed since the description went to the transport.
    host.writeConfig(0, u16Pair(this.#columns, this.#rows));
  }

  activate(driver: ActiveDriver): void {
    const isMultiport = driver.hasFeature(FEATURE.MULTIPORT);
    this.#control.activate(driver);
    for (const port of this.#ports) {
      // A driver without MULTIPORT sees port 0 only, and no control queue.
      if (!isMultiport && port.id > 0) continue;
      port.activate(driver, isMultiport);
    }
  }

  notified(queueIndex: number): void {
    if (this.#isMultiport && queueIndex === CONTROL_RECEIVE_QUEUE) this.#control.send();
    else if (this.#isMultiport && queueIndex === CONTROL_TRANSMIT_QUEUE) this.#control.receive();
    else {
      for (const port of this.#ports) {
        if (queueIndex === transmitQueue(port.id)) port.pumpOutput();
        if (queueIndex === receiveQueue(port.id)) port.pumpInput();
      }
    }
  }

  reset(): undefined {
    this.#control.reset();
    for (const port of this.#ports) port.reset();
    return undefined;
  }

  drain(): undefined {
    return undefined;
  }

  save(): string {
    return JSON.stringify(this.#ports.map((port) => ({...port.save(), ...this.#control.save(port)})));
  }

  restore(saved: string): void {
    const ports = readSavedPorts(saved, this.#ports.length);
    for (const [i, port] of this.#ports.entries()) {
      port.restore(ports[i]!);
      this.#control.restore(port, ports[i]!);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.reset();
    for (const port of this.#ports) port.listen(undefined);
  }

  #createPort(name: string, id: number): ConsolePort {
    const port: ConsolePort = new ConsolePort({
      id,
      name,
      isConsole: this.#hasConsole && id === 0,
      onHostOpenChanged: () => this.#control.hostOpenChanged(port),
    });
    return port;
  }

  #sizePayload(): Uint8Array | undefined {
    if (!this.#hasConsole) return undefined;
    return this.#isColumnsFirst ? u16Pair(this.#columns, this.#rows) : u16Pair(this.#rows, this.#columns);
  }
}

const clampSize = (cells: number): number => Math.min(0xffff, Math.max(1, Math.trunc(cells) || 1));

/** A name becomes a file name in the guest's /sys and /dev. */
function checkNames(names: readonly string[], countMax: number, hasConsole: boolean): void {
  if (names.length > countMax) {
    throw new ParavirtError('bad-option', `A console has at most ${countMax} named ports.`, 'Add a second device.');
  }
  if (names.length === 0 && !hasConsole) {
    throw new ParavirtError('bad-option', 'A console without ports has no use.', 'Name at least one port.');
  }
  for (const name of names) {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name) || name.length > PORT_NAME_BYTES_MAX) {
      throw new ParavirtError('bad-option', `${JSON.stringify(name)} is no port name.`, 'Use letters, digits, . _ -');
    }
  }
  if (new Set([...names, ...(hasConsole ? ['console'] : [])]).size !== names.length + (hasConsole ? 1 : 0)) {
    throw new ParavirtError('bad-option', 'Two ports have the same name.', 'Give each its own.');
  }
}

/** The console's row in the registry. */
export const consoleDevice: VirtioDeviceKind<ConsoleOptions, ConsoleDevice> = {
  name: 'console',
  deviceId: 3,
  create: (options) => new ConsoleDevice(options),
};
