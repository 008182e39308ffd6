/** Requests about machines. */

import type {DiskReports} from '../../services/disk-reports.js';
import {describe, type Fleet} from '../../services/fleet.js';
import type {MachineDefiner} from '../../services/machine-definer.js';
import type {MachineEditor} from '../../services/machine-editor.js';
import type {MachineRunner} from '../../services/machine-runner.js';
import type {MachineSaver} from '../../services/machine-saver.js';
import type {MachineTemplates} from '../../services/machine-templates.js';
import type {MachineUndo} from '../../services/machine-undo.js';
import type {Handlers} from '../router.js';

/** What it works with. */
export interface MachineHandlerParts {
  readonly fleet: Fleet;
  readonly definer: MachineDefiner;
  readonly editor: MachineEditor;
  readonly diskReports: DiskReports;
  readonly runner: MachineRunner;
  readonly saver: MachineSaver;
  readonly undo: MachineUndo;
  readonly templates: MachineTemplates;
}

/** See the module. */
export function machineHandlers({
  fleet,
  definer,
  editor,
  diskReports,
  runner,
  saver,
  undo,
  templates,
}: MachineHandlerParts) {
  return {
    machineCreate: async (params) => {
      const {machine, note} = (await templates.create(params)) ?? {
        machine: await definer.create(params),
        note: undefined,
      };
      return {machine: describe(machine), ...(note === undefined ? {} : {note})};
    },
    machineStart: async (params) => {
      const {machine, job} = await saver.start(params.machine, params.from);
      return {machine: describe(machine), ...(job === undefined ? {} : {job})};
    },
    machinePause: async (params) => ({machine: describe(await runner.pause(params.machine))}),
    machineResume: async (params) => ({machine: describe(await runner.resume(params.machine))}),
    machineShutdown: async (params) => ({machine: describe(await runner.shutdown(params.machine, params.timeoutMs))}),
    machineKill: async (params) => ({machine: describe(await undo.kill(params.machine))}),
    machineSave: async (params) => ({machine: describe(await saver.save(params.machine))}),
    machineRename: async (params) => ({machine: describe(await undo.rename(params.machine, params.name))}),
    machineLabel: async (params) => ({machine: describe(await editor.label(params))}),
    machineEdit: async (params) => ({machine: describe(await undo.edit(params))}),
    machineAttachDisk: async (params) => ({machine: describe(await undo.attachDisk(params))}),
    machineDetachDisk: async (params) => {
      const detached = await undo.detachDisk(params);
      return {machine: describe(detached.machine), path: detached.path};
    },
    undoLast: async () => {
      const {machine, message, job} = await undo.undo();
      return {machine: describe(machine), message, ...(job === undefined ? {} : {job})};
    },
    machineRemove: async (params) => {
      const {id, name} = await undo.remove(params.machine);
      return {id, name};
    },
    machineUnremove: async (params) => ({machine: describe(await definer.unremove(params.id))}),
    machineDisks: async ({machine}) => ({disks: [...(await diskReports.of(machine))]}),
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
    | 'machineLabel'
    | 'machineEdit'
    | 'machineAttachDisk'
    | 'machineDetachDisk'
    | 'machineRemove'
    | 'machineUnremove'
    | 'undoLast'
    | 'machineDisks'
    | 'machineList'
    | 'machineProfile'
    | 'machineShow'
  >;
}
