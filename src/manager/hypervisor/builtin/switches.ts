/** The private switches of a daemon: made when the first machine comes, gone with the last. */
import {connect} from 'node:net';
import {NetworkSwitch, type SwitchPort} from '../../../paravirt/net/switch.js';
import {SWITCH_GREETING, SwitchWire} from '../../../paravirt/net/switch-wire.js';
import type {SwitchPlace} from '../../protocol/machine.js';
import {macOf} from './machine-network.js';

/** See the module. */
export class Switches {
  readonly #switches = new Map<string, NetworkSwitch>();

  /** Switches with machines on them. */
  get size(): number {
    return this.#switches.size;
  }

  /** Connects a machine's process with its switch, until either ends. One that cannot be reached has no neighbours. */
  join(id: string, socketPath: string, {name, number}: SwitchPlace): void {
    if (number === undefined) return;
    const known = this.#switches.get(name) ?? new NetworkSwitch();
    const socket = connect(socketPath);
    const wire = new SwitchWire(socket, () => {
      known.unplug(port);
      if (known.size === 0 && this.#switches.get(name) === known) this.#switches.delete(name);
    });
    // What a guest may claim to be is decided here, and not by its process.
    const port: SwitchPort = {
      mac: macOf(id),
      address: switchAddress(number),
      send: (record) => wire.send(record),
    };
    if (!known.plug(port)) {
      console.error(`machine ${id} is not on the switch ${name}: all ports, or its address, are taken`);
      wire[Symbol.dispose]();
      return;
    }
    this.#switches.set(name, known);
    socket.write(SWITCH_GREETING);
    wire.onRecords = (records) => {
      for (const record of records) known.take(port, record);
    };
  }
}

/** The address of a place on a switch. */
function switchAddress(number: number): Uint8Array {
  return Uint8Array.of(10, 0, 2, number);
}
