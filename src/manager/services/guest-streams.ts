/** Connections into guests, and in one sentence why there is none. */
import type {Duplex} from 'node:stream';
import type {StreamRefusal} from '../hypervisor/contract.js';
import {ManagerError} from '../protocol/errors.js';
import type {Fleet} from './fleet.js';
import {findRunning} from './running-machine.js';

/** Connections of all machines together, those that are being opened too. */
export const STREAMS_MAX = 128;
/** How long a guest may take to answer: longer than a busy one does, shorter than clients wait. */
export const OPENING_MAX_MS = 15_000;

/** See the module. */
export class GuestStreams {
  readonly #fleet: Fleet;
  readonly #openingMaxMs: number;
  #count = 0;

  constructor(fleet: Fleet, openingMaxMs = OPENING_MAX_MS) {
    this.#fleet = fleet;
    this.#openingMaxMs = openingMaxMs;
  }

  /**
   * Opens one to a port of a machine that runs; each side ends by itself.
   * Errors: machine-not-found, wrong-state, connection-refused (with the reason), not-supported (no network),
   * machine-failed, and the signal's reason
   */
  async open(reference: string, port: number, signal: AbortSignal): Promise<Duplex> {
    const {machine, run} = findRunning(this.#fleet, reference, 'reach');
    if (this.#count >= STREAMS_MAX)
      throw new ManagerError(
        'connection-refused',
        `There are ${STREAMS_MAX} connections into machines already.`,
        'Close some first.',
      );
    this.#count++;
    let isOpen = false;
    try {
      const late = AbortSignal.timeout(this.#openingMaxMs);
      const opened = await run
        .connect({kind: 'tcp', port}, AbortSignal.any([signal, late]))
        .catch((thrown: unknown) => {
          if (late.aborted && !signal.aborted) return 'silent' as const;
          throw thrown;
        });
      if (typeof opened === 'string') throw explainRefusal(opened, machine.name, port);
      isOpen = true;
      opened.once('close', () => this.#count--);
      return opened;
    } finally {
      if (!isOpen) this.#count--;
    }
  }
}

/** The error that tells why a connection was not opened. */
export function explainRefusal(refusal: StreamRefusal, name: string, port: number): ManagerError {
  switch (refusal) {
    case 'refused':
      return new ManagerError(
        'connection-refused',
        port === 22
          ? `${name} runs no SSH server: nothing listens at its port 22.`
          : `Nothing listens at port ${port} of ${name}.`,
        port === 22
          ? `Install one in the guest, or do without: viv ssh ${name} is its console.`
          : 'Start the service in the guest first.',
      );
    case 'silent':
      return new ManagerError(
        'connection-refused',
        `${name} does not answer at port ${port}.`,
        'Its guest has no network yet, or drops what comes; see its console.',
      );
    case 'too-many':
      return new ManagerError('connection-refused', `${name} has too many connections.`, 'Close some first.');
    case 'no-network':
      return new ManagerError(
        'not-supported',
        `${name} has no network.`,
        'Create a machine with --network user; its console and commands need none.',
      );
    case 'no-driver':
      return new ManagerError(
        'not-supported',
        `The guest of ${name} has no driver for sockets to its host.`,
        'Load vmw_vsock_virtio_transport in it; a state from before there were such sockets has to be rebooted.',
      );
    case 'too-old':
      return new ManagerError(
        'not-supported',
        `${name} was started by a version of Vivarium that opens no connections into guests.`,
        'Shut it down and start it again.',
      );
  }
}
