/** Requests about networks of machines. */
import {describe} from '../../services/fleet.js';
import type {MachineEgress} from '../../services/machine-egress.js';
import type {MachineForwards} from '../../services/machine-forwards.js';
import type {NetworkService} from '../../services/network-service.js';
import type {Handlers} from '../router.js';

/** See the module. */
export function networkHandlers(forwards: MachineForwards, egress: MachineEgress, networks: NetworkService) {
  return {
    networkForward: async ({machine, forward}) => ({machine: describe(await forwards.add(machine, forward))}),
    networkUnforward: async ({machine, hostPort, address, protocol}) => ({
      machine: describe(await forwards.remove(machine, {hostPort, address, protocol})),
    }),
    networkRule: async ({machine, rule}) => ({machine: describe(await egress.add(machine, rule))}),
    networkUnrule: async ({machine, target}) => ({machine: describe(await egress.remove(machine, target))}),
    networkPolicy: async (params) => ({machine: describe(await egress.setPolicy(params.machine, params.egress))}),
    networkAnswer: async ({machine, questionId, ...answer}) => ({
      machine: describe(await egress.answer(machine, questionId, answer)),
    }),
    networkStatus: async ({machine}) => ({status: await networks.status(machine)}),
    networkCapture: async ({machine, ...request}, _connection, signal) => networks.capture(machine, request, signal),
  } satisfies Handlers<
    | 'networkForward'
    | 'networkUnforward'
    | 'networkRule'
    | 'networkUnrule'
    | 'networkPolicy'
    | 'networkAnswer'
    | 'networkStatus'
    | 'networkCapture'
  >;
}
