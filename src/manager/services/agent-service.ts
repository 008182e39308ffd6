/** The agents of the fleet's guests: found by machine, and asked for what is shown of them. */
import {setTimeout as delay} from 'node:timers/promises';
import {type GuestAddress, GuestAgent} from '../agent/guest-agent.js';
import {ManagerError} from '../protocol/errors.js';
import type {Fleet, FleetMachine} from './fleet.js';
import {findRunning} from './running-machine.js';

/** Addresses are asked for again when they are older. */
const ADDRESSES_FRESH_MS = 5000;
/** How long a list waits for addresses; what comes later is in the next one. */
const ADDRESSES_WAIT_MS = 500;

/** How often an agent is looked for that is waited for. */
const WAIT_POLL_MS = 200;

interface Known {
  readonly startedAtMs: number;
  readonly atMs: number;
  readonly addresses: Promise<readonly GuestAddress[] | undefined>;
}

/** See the module. */
export class AgentService {
  readonly #fleet: Fleet;
  readonly #known = new Map<string, Known>();

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
    fleet.events.on('removed', (_seq, id) => this.#known.delete(id));
  }

  /** The agent of a machine that runs. Errors: machine-not-found, wrong-state */
  of(reference: string): GuestAgent {
    const {run} = findRunning(this.#fleet, reference, 'ask the agent of');
    return new GuestAgent((request) => run.askAgent(request));
  }

  /** As `of`, once the agent is there, of a machine that is being started too. Errors: as `of`; no-agent after `waitMs`; agent-too-old; cancelled */
  async whenThere(reference: string, waitMs: number, signal: AbortSignal): Promise<GuestAgent> {
    const deadline = Date.now() + waitMs;
    for (;;) {
      const isStarting = this.#fleet.find(reference).state === 'starting';
      try {
        // Anew each time: the machine may have ended or begun meanwhile.
        const agent = this.of(reference);
        await agent.ping();
        return agent;
      } catch (thrown) {
        const isMissing = isStarting || (thrown instanceof ManagerError && thrown.code === 'no-agent');
        if (!isMissing || Date.now() >= deadline) throw thrown;
      }
      await delay(WAIT_POLL_MS, undefined, {signal});
    }
  }

  /** Addresses of the machines that tell theirs soon enough, or of one. Errors: machine-not-found */
  async addresses(reference: string | undefined): Promise<{readonly id: string; readonly addresses: GuestAddress[]}[]> {
    const machines = reference === undefined ? this.#fleet.all() : [this.#fleet.find(reference)];
    const waiting = new AbortController();
    const late = delay(ADDRESSES_WAIT_MS, undefined, {signal: waiting.signal}).catch(() => undefined);
    try {
      const asked = machines
        .filter(({state}) => state === 'running')
        .map(async (machine) => ({id: machine.id, addresses: await Promise.race([this.#ask(machine), late])}));
      const told = await Promise.all(asked);
      return told.flatMap(({id, addresses}) => (addresses === undefined ? [] : [{id, addresses: [...addresses]}]));
    } finally {
      waiting.abort();
    }
  }

  #ask(machine: FleetMachine): Known['addresses'] {
    const startedAtMs = machine.process?.startedAtMs ?? 0;
    const known = this.#known.get(machine.id);
    if (known?.startedAtMs === startedAtMs && Date.now() - known.atMs < ADDRESSES_FRESH_MS) return known.addresses;
    // A guest without an agent has none to tell; that is no news.
    const addresses = this.of(machine.id)
      .addresses()
      .catch(() => undefined);
    this.#known.set(machine.id, {startedAtMs, atMs: Date.now(), addresses});
    return addresses;
  }
}
