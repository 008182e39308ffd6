/** Networks of machines: what is changed while they run. What a machine has stands in its definition (`networkSchema`). */
import {z} from 'zod';
import {defineRequest} from './define.js';
import {machineRefSchema, machineSchema, portForwardSchema} from './machine.js';

/**
 * Forwards a TCP port of the host to the guest, now if the machine runs, and whenever it does from then on.
 * Errors: machine-not-found, machine-broken, port-in-use, bad-request, not-supported, machine-failed, storage-failed
 */
export const networkForward = defineRequest(
  'network/forward',
  z.object({machine: machineRefSchema, forward: portForwardSchema}),
  z.object({machine: machineSchema}),
);

/**
 * Takes a port forward back, by the host's port; connections that are there stay. Without an address, the one forward of
 * that port. Errors: machine-not-found, machine-broken, bad-request, machine-failed, storage-failed
 */
export const networkUnforward = defineRequest(
  'network/unforward',
  z.object({
    machine: machineRefSchema,
    hostPort: portForwardSchema.shape.hostPort,
    address: z.string().max(64).optional(),
  }),
  z.object({machine: machineSchema}),
);
