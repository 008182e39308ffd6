/** The network of a machine that is put together: its card, and the user network behind it. */
import {createHash} from 'node:crypto';
import type {Socket} from 'node:net';
import {NetDevice} from '../../../paravirt/devices/net.js';
import {formatAddress, parseAddress} from '../../../paravirt/net/address.js';
import type {SwitchWire} from '../../../paravirt/net/switch-wire.js';
import {SwitchedNetwork} from '../../../paravirt/net/switched-network.js';
import type {Opening} from '../../../paravirt/net/tcp/connection.js';
import {UserNetwork} from '../../../paravirt/net/user-network.js';
import type {Egress, EgressQuestion, EgressRule, EgressVerdict} from '../../protocol/egress.js';
import {ManagerError} from '../../protocol/errors.js';
import type {Network, PortForward} from '../../protocol/machine.js';
import {MAX_FLOWS_TOLD, type NetworkStatus} from '../../protocol/network.js';
import type {Sibling} from '../contract.js';
import {translatePortError} from './host-errors.js';

/** See the module. */
export class MachineNetwork implements AsyncDisposable {
  readonly device: NetDevice;
  readonly #network: UserNetwork;
  readonly #mac: Uint8Array;
  readonly #switched: SwitchedNetwork | undefined;
  readonly #forwards: readonly PortForward[];

  /** `id` is the machine's: its card has the same address in every run, and a copy of the machine another. */
  constructor(network: Network, id: string) {
    const {egress, rules, allowsHostLoopback, forwards, switch: place, bytesPerSecond} = network;
    const mac = macOf(id);
    this.#mac = mac;
    const onlyLease = place?.number === undefined ? undefined : {mac, last: place.number};
    this.#network = new UserNetwork({mac, egress, rules, allowsHostLoopback, onlyLease});
    this.#switched = onlyLease && new SwitchedNetwork(this.#network);
    this.device = new NetDevice({backend: this.#switched ?? this.#network, mac, bytesPerSecond});
    this.#forwards = forwards;
  }

  /** Opens the port forwards that the machine is defined with. Errors: port-in-use, bad-request */
  async open(): Promise<void> {
    for (const forward of this.#forwards) await this.forward(forward, true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.device[Symbol.asyncDispose]();
  }

  /** The way to the machine's private switch; a machine without a place on one leaves it alone. */
  plug(wire: SwitchWire): void {
    this.#switched?.plug(wire);
  }

  /** Called when other questions of the guest wait than before. */
  set onQuestions(listener: (questions: readonly EgressQuestion[]) => void) {
    this.#network.gate.onQuestions = listener;
  }

  /** See `UserNetwork.changeEgress`. */
  changeEgress(egress: Egress, rules: readonly EgressRule[]): void {
    this.#network.changeEgress(egress, rules);
  }

  /** See `EgressGate.answer`. */
  answerQuestion(id: string, verdict: EgressVerdict): boolean {
    return this.#network.gate.answer(id, verdict);
  }

  /** Machines on the same switch, by their names. */
  tellSiblings(siblings: readonly Sibling[]): void {
    this.#network.tellSiblings(
      siblings.flatMap(({name, address}) => {
        const bytes = parseAddress(address);
        return bytes?.length === 4 ? [[name, bytes] as const] : [];
      }),
    );
  }

  /** See `networkStatus`. */
  get status(): NetworkStatus {
    const {counters, isUp} = this.device;
    const {tcp, udp, leases} = this.#network;
    // The newest of either first.
    const reports = [...tcp.reports.reverse(), ...udp.reports.reverse()];
    const flows = reports.slice(0, MAX_FLOWS_TOLD).map(({protocol, state, receivedBytes, sentBytes, ...ends}) => ({
      ...{protocol, state, receivedBytes, sentBytes},
      ...{guestAddress: formatAddress(ends.guestAddress), guestPort: ends.guestPort},
      ...{peerAddress: formatAddress(ends.peerAddress), peerPort: ends.peerPort},
    }));
    const mac = [...this.#mac].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
    return {mac, isUp, addresses: leases.addresses.map(formatAddress), ...counters, flows, flowCount: reports.length};
  }

  /** See `UserNetwork.join`. */
  join(socket: Socket, port: number, onOpening: (opening: Opening) => void): void {
    this.#network.join(socket, port, onOpening);
  }

  /** Adds or removes a port forward. Errors: port-in-use, bad-request */
  async forward(forward: PortForward, isWanted: boolean): Promise<void> {
    const {forwards, udpForwards} = this.#network;
    const chosen = forward.protocol === 'udp' ? udpForwards : forwards;
    if (!isWanted) {
      if (await chosen.remove(forward)) return;
      throw new ManagerError(
        'bad-request',
        `Port ${forward.hostPort} is not forwarded.`,
        'See them with `viv net ls`.',
      );
    }
    try {
      await chosen.add(forward);
    } catch (thrown) {
      throw translatePortError(thrown);
    }
  }
}

/** Of the range that virtual machines use (52:54:00), and the same for the same machine. */
export function macOf(id: string): Uint8Array {
  return Uint8Array.of(0x52, 0x54, 0, ...createHash('sha256').update(id).digest().subarray(0, 3));
}
