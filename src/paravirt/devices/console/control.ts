/**
 * The control queues of a console with several ports. What the guest must be told is kept as flags per port, not as a list
 * of messages: a guest that asks a thousand times and never reads costs nothing.
 *
 *   guest DEVICE_READY ─▶ ADD for every port ─▶ guest PORT_READY ─▶ CONSOLE_PORT, NAME, OPEN, RESIZE as they apply
 *   guest PORT_OPEN ─▶ port.guestOpened
 *
 * Source: virtio 1.2 §5.3.6.2
 */
import type {ActiveDriver} from '../../device.js';
import type {SplitQueue} from '../../virtqueue/split-queue.js';
import {CONTROL_BYTES, CONTROL_RECEIVE_QUEUE, CONTROL_TRANSMIT_QUEUE, controlMessage, EVENT} from './layout.js';
import {CHAINS_PER_TURN, type ConsolePort} from './port.js';
import type {SavedPort} from './saved-port.js';

/** What a port still has to be told. */
interface Pending {
  isReady: boolean;
  readonly events: Set<number>;
}

// The order in which Linux wants to hear them: a port exists, is a console, has a name, is open, has a size.
const EVENT_ORDER = [EVENT.PORT_ADD, EVENT.CONSOLE_PORT, EVENT.PORT_NAME, EVENT.PORT_OPEN, EVENT.RESIZE];

/** Talks to the guest about ports. */
export class PortControl {
  readonly #ports: readonly ConsolePort[];
  readonly #sizePayload: () => Uint8Array | undefined;
  #pending: Pending[] = [];
  #driver: ActiveDriver | undefined;

  /** `sizePayload` is RESIZE's payload now, or undefined when there is no console with a size. */
  constructor(ports: readonly ConsolePort[], sizePayload: () => Uint8Array | undefined) {
    this.#ports = ports;
    this.#sizePayload = sizePayload;
    this.reset();
  }

  activate(driver: ActiveDriver): void {
    this.#driver = driver;
  }

  reset(): void {
    this.#driver = undefined;
    this.#pending = this.#ports.map(() => ({isReady: false, events: new Set<number>()}));
  }

  /** What the guest knows of a port, and what it has to be told still. */
  save(port: ConsolePort): Pick<SavedPort, 'isReady' | 'events'> {
    const {isReady, events} = this.#pending[port.id]!;
    return {isReady, events: [...events]};
  }

  restore(port: ConsolePort, {isReady, events}: SavedPort): void {
    this.#pending[port.id] = {isReady, events: new Set(events)};
  }

  /** The host opened or closed its end of a port. */
  hostOpenChanged(port: ConsolePort): void {
    this.#tell(port.id, EVENT.PORT_OPEN);
  }

  /** The console has another size. */
  sizeChanged(): void {
    for (const port of this.#ports) if (port.isConsole) this.#tell(port.id, EVENT.RESIZE);
  }

  /** Reads what the guest has to say. */
  receive(): void {
    const driver = this.#driver;
    const queue = driver?.queues[CONTROL_TRANSMIT_QUEUE];
    if (driver === undefined || queue === undefined) return;
    for (let taken = 0; ; taken++) {
      if (taken === CHAINS_PER_TURN) {
        driver.notifyLater(CONTROL_TRANSMIT_QUEUE);
        break;
      }
      const chain = queue.pop();
      if (chain === undefined) break;
      const message = chain.reader.copy(CONTROL_BYTES);
      if (message.length < CONTROL_BYTES) {
        driver.fail(CONTROL_TRANSMIT_QUEUE, 'request-malformed');
        return;
      }
      queue.push(chain);
      this.#take(new DataView(message.buffer));
    }
    queue.publish();
    this.send();
  }

  /** Sends what the guest has buffers for; called again when it offers more. */
  send(): void {
    const queue = this.#driver?.queues[CONTROL_RECEIVE_QUEUE];
    if (queue === undefined) return;
    for (const port of this.#ports) {
      const {events} = this.#pending[port.id]!;
      for (const event of EVENT_ORDER) {
        if (!events.has(event)) continue;
        if (!this.#sendOne(queue, port, event)) {
          queue.publish();
          return;
        }
        events.delete(event);
      }
    }
    queue.publish();
  }

  #tell(id: number, event: number): void {
    const pending = this.#pending[id]!;
    // Before PORT_READY the guest does not know the port; all of its state follows that message anyway.
    if (!pending.isReady) return;
    pending.events.add(event);
    this.send();
  }

  #take(message: DataView): void {
    const event = message.getUint16(4, true);
    const value = message.getUint16(6, true);
    if (event === EVENT.DEVICE_READY) {
      // value 0: the driver could not set itself up, and wants nothing.
      if (value === 1) for (const pending of this.#pending) pending.events.add(EVENT.PORT_ADD);
      return;
    }
    const port = this.#ports[message.getUint32(0, true)];
    if (port === undefined) return;
    if (event === EVENT.PORT_READY && value === 1) this.#portReady(port);
    if (event === EVENT.PORT_OPEN) port.guestOpened(value === 1);
  }

  #portReady(port: ConsolePort): void {
    const pending = this.#pending[port.id]!;
    pending.isReady = true;
    if (port.isConsole) pending.events.add(EVENT.CONSOLE_PORT);
    else pending.events.add(EVENT.PORT_NAME);
    if (port.isHostOpen) pending.events.add(EVENT.PORT_OPEN);
    if (port.isConsole && this.#sizePayload() !== undefined) pending.events.add(EVENT.RESIZE);
  }

  #sendOne(queue: SplitQueue, port: ConsolePort, event: number): boolean {
    const chain = queue.pop();
    if (chain === undefined) return false;
    // A buffer that is too small takes the front of the message, as the driver asked for; nothing else of it is lost.
    chain.writer.write(this.#message(port, event));
    queue.push(chain);
    return true;
  }

  #message(port: ConsolePort, event: number): Uint8Array {
    switch (event) {
      case EVENT.PORT_NAME:
        return controlMessage(port.id, event, 1, new TextEncoder().encode(port.name));
      case EVENT.PORT_OPEN:
        return controlMessage(port.id, event, port.isHostOpen ? 1 : 0);
      case EVENT.RESIZE:
        return controlMessage(port.id, event, 0, this.#sizePayload());
      default:
        return controlMessage(port.id, event, 1);
    }
  }
}
