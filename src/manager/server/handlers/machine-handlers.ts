/** Requests about machines. */
import {describe, type Fleet} from '../../services/fleet.js';
import type {MachineDefiner} from '../../services/machine-definer.js';
import type {MachineRunner} from '../../services/machine-runner.js';
import type {MachineSaver} from '../../services/machine-saver.js';
import type {Handlers} from '../router.js';

/** See the module. */
export function machineHandlers(fleet: Fleet, definer: MachineDefiner, runner: MachineRunner, saver: MachineSaver) {
  return {
    machineCreate: async (params) => ({machine: describe(await definer.create(params))}),
    machineStart: async (params) => {
      const {machine, job} = await saver.start(params.machine, params.from);
      return {machine: describe(machine), ...(job === undefined ? {} : {job})};
    },
    machinePause: async (params) => ({machine: describe(await runner.pause(params.machine))}),
    machineResume: async (params) => ({machine: describe(await runner.resume(params.machine))}),
    machineShutdown: async (params) => ({machine: describe(await runner.shutdown(params.machine, params.timeoutMs))}),
    machineKill: async (params) => ({machine: describe(await runner.kill(params.machine))}),
    machineSave: async (params) => ({machine: describe(await saver.save(params.machine))}),
    machineRename: async (params) => {
      const machine = await definer.rename(params.machine, params.name);
      await runner.remember(machine);
      return {machine: describe(machine)};
    },
    machineAttachDisk: async ({machine, disk}) => ({machine: describe(await definer.attachDisk(machine, disk))}),
    machineDetachDisk: async ({machine, disk}) => {
      const detached = await definer.detachDisk(machine, disk);
      return {machine: describe(detached.machine), path: detached.path};
    },
    machineRemove: async (params) => {
      const {id, name} = await definer.remove(params.machine);
      return {id, name};
    },
    machineUnremove: async (params) => ({machine: describe(await definer.unremove(params.id))}),
    machineList: async () => ({seq: fleet.seq, machines: fleet.list()}),
    machineProfile: async ({machine, durationMs}, _connection, signal) => runner.profile(machine, durationMs, signal),
    machineShow: async (params) => ({machine: describe(fleet.find(params.machine))}),
  } satisfies Handlers<
    | 'machineCreate'
    | 'machineStart'
    | 'machinePause'
    | 'machineResume'
    | 'machineShutdown'
    | 'machineKill'
    | 'machineSave'
    | 'machineRename'
    | 'machineAttachDisk'
    | 'machineDetachDisk'
    | 'machineRemove'
    | 'machineUnremove'
    | 'machineList'
    | 'machineProfile'
    | 'machineShow'
  >;
}
