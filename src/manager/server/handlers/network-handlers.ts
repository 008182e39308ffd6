/** Requests about networks of machines. */
import {describe} from '../../services/fleet.js';
import type {MachineForwards} from '../../services/machine-forwards.js';
import type {NetworkService} from '../../services/network-service.js';
import type {Handlers} from '../router.js';

/** See the module. */
export function networkHandlers(forwards: MachineForwards, networks: NetworkService) {
  return {
    networkForward: async ({machine, forward}) => ({machine: describe(await forwards.add(machine, forward))}),
    networkUnforward: async ({machine, hostPort, address, protocol}) => ({
      machine: describe(await forwards.remove(machine, {hostPort, address, protocol})),
    }),
    networkStatus: async ({machine}) => ({status: await networks.status(machine)}),
    networkCapture: async ({machine, ...request}, _connection, signal) => networks.capture(machine, request, signal),
  } satisfies Handlers<'networkForward' | 'networkUnforward' | 'networkStatus' | 'networkCapture'>;
}
