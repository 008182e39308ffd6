import {agentAddresses} from '../../manager/protocol/agent.js';
import type {ResultOf} from '../../manager/protocol/define.js';
import {ManagerError} from '../../manager/protocol/errors.js';
import type {Machine} from '../../manager/protocol/machine.js';
import type {FleetClient} from '../app/backend.js';

/** What an agent says of its guest's addresses. */
export type GuestAddresses = ResultOf<typeof agentAddresses>['machines'][number]['addresses'];

/** Asks for the addresses of all guests, or of one machine's, by machine id. A daemon from before there were agents tells none. */
export async function askAddresses(
  client: FleetClient,
  machine?: string,
): Promise<ReadonlyMap<string, GuestAddresses>> {
  try {
    const {machines} = await client.request(agentAddresses, machine === undefined ? {} : {machine});
    return new Map(machines.map(({id, addresses}) => [id, addresses]));
  } catch (thrown) {
    if (thrown instanceof ManagerError && thrown.code === 'bad-request') return new Map();
    throw thrown;
  }
}

/** A machine for programs: with its guest's addresses, when they are known. */
export function withAddresses(
  machine: Machine,
  addresses: GuestAddresses | undefined,
): Machine & {addresses?: GuestAddresses} {
  return addresses === undefined ? machine : {...machine, addresses};
}
